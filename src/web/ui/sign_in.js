/** Trades the ticket in the address, or a password, for a session. */
import { goBack, keepSession, onSession, session, signed } from "./session.js";

const said = document.getElementById("said");
const form = document.querySelector("form");
const input = /** @type {HTMLInputElement} */ (document.getElementById("password"));

/** The answer to a request must come in this time, in milliseconds. */
const LIMIT_MS = 10_000;

async function signIn(body) {
  said.className = "";
  said.textContent = "Signing in…";
  try {
    const response = await fetch("/sign-in", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    const answer = await response.json();
    if (response.ok) {
      keepSession(answer.session);
      return goBack();
    }
    // A link that was used already leads in, too, where that was done by this browser.
    if (body.ticket && await isSignedIn()) return goBack();
    said.textContent = answer.error.message;
  } catch {
    said.textContent = "The peer does not answer. Is it running?";
  }
  said.className = "failed";
  input.select();
}

async function isSignedIn() {
  if (session() === undefined) return false;
  const signal = AbortSignal.timeout(LIMIT_MS);
  return await fetch("/api/v1/settings", { headers: signed(), signal }).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function start() {
  const ticket = location.hash.slice(1);
  if (ticket) {
    // The secret leaves the address bar and the history at once.
    history.replaceState(null, "", "/sign-in");
    return await signIn({ ticket });
  }
  if (await isSignedIn()) goBack();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn({ password: input.value });
});
addEventListener("hashchange", start);
onSession(start);
start();
