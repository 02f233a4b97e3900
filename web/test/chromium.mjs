// The browser of all browser tests: Debian's Chromium, without what talks to the world or takes time of its own.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

// Features that fetch, or look things up, or are pages of the browser's own beside ours: the two of its address bar, a pair for
// each window, took as much time as the tests. Chromium heeds the last such list only, so what matters of Playwright's is in it.
const off = [
  'WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'WebUIOmniboxFullPopup', 'AimEnabled', 'PaintHolding', 'HttpsUpgrades', 'HttpsFirstBalancedModeAutoEnable',
  'OptimizationHints', 'MediaRouter', 'LensOverlay', 'PreconnectToSearch', 'NetworkTimeServiceQuerying', 'DestroyProfileOnBrowserClose', 'AvoidUnnecessaryBeforeUnloadCheckSync',
]

const args = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  `--disable-features=${off.join(',')}`,
]

/** Starts it, or says what is missing. */
export function launch() {
  const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => p && existsSync(p))
  if (!executablePath) throw new Error('no Chromium found: install chromium, or set CHROMIUM to one')
  return chromium.launch({ executablePath, args })
}
