import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// While developing, the API is the mock server (npm run mock) or, with KC_API set, a real kubechatd.
const api = process.env['KC_API'] ?? 'http://127.0.0.1:4180'

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { alias: { '@': fileURLToPath(new URL('./app', import.meta.url)) } },
  server: { proxy: { '/api': api, '/t': { target: api, bypass: (req) => (req.url?.includes('/k8s/') ? undefined : req.url) } } },
  build: {
    outDir: 'dist',
    emptyOutDir: true, // public/.gitkeep puts dist/.gitkeep back, which go:embed needs
    target: ['chrome125', 'firefox128', 'safari18'],
    cssTarget: ['chrome125', 'firefox128', 'safari18'],
    assetsInlineLimit: 0, // the content security policy allows no data: scripts or fonts
    sourcemap: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
})
