/** Sets the theme before anything is painted. What it is, the settings decide; this is the last known. */
try {
  const theme = localStorage.getItem("shoal-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is switched off: the system's preference holds.
}
