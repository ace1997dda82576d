/** True where this browser can show notifications to this origin. */
export const canNotify = () => "Notification" in globalThis && globalThis.isSecureContext;

/** `granted`, `denied` or `default`. */
export const permission = () => canNotify() ? Notification.permission : "denied";

/** Shows a notification if the page is out of sight and the user allowed that. */
export function notify(text) {
  if (!document.hidden || permission() !== "granted") return;
  const shown = new Notification("Shoal", { body: text, icon: "/icon.svg" });
  shown.onclick = () => {
    focus();
    shown.close();
  };
}
