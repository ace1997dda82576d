/** Trades the ticket in the address, or a password, for a session. */
const said = document.getElementById("said");
const form = document.querySelector("form");
const input = document.getElementById("password");

async function signIn(body) {
  said.className = "";
  said.textContent = "Signing in…";
  try {
    const response = await fetch("/sign-in", {
      method: "POST",
      headers: { "content-type": "application/json", "x-shoal": "1" },
      body: JSON.stringify(body),
    });
    // A link that was used already leads in, too, where that was done by this browser.
    if (response.ok || (body.ticket && (await fetch("/api/settings")).ok)) {
      return location.replace("/");
    }
    said.textContent = (await response.json()).error.message;
  } catch {
    said.textContent = "The peer does not answer. Is it running?";
  }
  said.className = "failed";
  input.select();
}

function useTicket() {
  const ticket = location.hash.slice(1);
  if (!ticket) return;
  // The secret leaves the address bar and the history at once.
  history.replaceState(null, "", "/sign-in");
  signIn({ ticket });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn({ password: input.value });
});
addEventListener("hashchange", useTicket);
useTicket();
