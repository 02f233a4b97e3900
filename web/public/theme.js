// Runs before the first paint, so that no page flashes in the other theme. app/util/theme.ts writes the key.
try {
  var theme = localStorage.getItem('kc.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage can be switched off; the system's theme applies then.
}
