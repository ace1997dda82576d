import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { askJson } from "../api.js";
import { html } from "../kit/html.js";
import { FIELDS } from "./settings_fields.js";
import { canNotify, permission } from "../kit/notify.js";
import { TrustList } from "./trust_list.js";
import { keepSession } from "../session.js";
import { tell, tellError } from "../kit/toasts.js";

/** The configuration as the peer told it last: `{path, values, origins, restart}`. */
export const config = signal(null);

const THEMES = [["auto", "As the system"], ["light", "Light"], ["dark", "Dark"]];
const SET_BY = { flag: "an option", environment: "a variable" };

/** Asks for the configuration, and shows its theme. */
export async function loadConfig() {
  config.value = await askJson("GET", "/api/v1/config");
  showTheme(config.value.values.theme);
}

function showTheme(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  try {
    localStorage.setItem("shoal-theme", theme);
  } catch {
    // Storage is switched off: the theme is known once the configuration is.
  }
}

// Another window of this browser has changed it.
addEventListener("storage", ({ key, newValue }) => key === "shoal-theme" && showTheme(newValue));

/** Typed values that are not saved yet, by key: it survives a change of tab. */
const drafts = signal({});

export function SettingsTab() {
  const [error, setError] = useState(undefined);
  const load = () => loadConfig().then(() => setError(undefined), setError);
  useEffect(() => void load(), []);
  if (error && !config.value) {
    return html`<div class="state"><h2>The settings can’t be read</h2><p>${error.message}</p>
      <button onClick=${load}>Try again</button></div>`;
  }
  if (!config.value) {
    return html`<div class="state" role="status"><span class="spinner"></span> Reading the settings…</div>`;
  }
  return html`<${Form} key=${config.value.path} />`;
}

async function signOutEverywhere() {
  try {
    await askJson("DELETE", "/sign-in?everywhere=1");
    keepSession(undefined);
    location.replace("/sign-in");
  } catch (error) {
    tellError(error);
  }
}

function Form() {
  const { path, values, origins, restart, fixed = [] } = config.value;
  const texts = drafts.value;
  const setTexts = (to) => drafts.value = typeof to === "function" ? to(drafts.value) : to;
  const [refused, setRefused] = useState(/** @type {Record<string, string>} */ ({}));
  const [saving, setSaving] = useState(false);
  const [allowed, setAllowed] = useState(permission());
  const [theme, setTheme] = useState(values.theme);
  const textOf = ({ key, toText }) => texts[key] ?? toText(values[key]);
  const changed = FIELDS.filter((field) => {
    return texts[field.key] !== undefined && texts[field.key] !== field.toText(values[field.key]);
  });
  const problems = Object.fromEntries(
    FIELDS.map((field) => [field.key, refused[field.key] ?? field.problem(textOf(field))]),
  );
  const wrong = changed.some(({ key }) => problems[key]);
  const idle = changed.length === 0 || wrong || saving;

  const save = async (changes) => {
    setSaving(true);
    try {
      config.value = await askJson("PATCH", "/api/v1/config", changes);
      showTheme(config.value.values.theme);
      setTexts((before) =>
        Object.fromEntries(Object.entries(before).filter(([key]) => !(key in changes)))
      );
      const later = Object.keys(changes).filter((key) => config.value.restart.includes(key));
      tell(
        later.length > 0 ? "Saved. Restart the peer for all of it to hold." : "Saved.",
      );
    } catch (error) {
      setRefused({ [error.field ?? "form"]: error.message });
      setTheme(config.value.values.theme);
    } finally {
      setSaving(false);
    }
  };
  const submit = (event) => {
    event.preventDefault();
    if (idle) return;
    save(Object.fromEntries(changed.map((field) => [field.key, field.toValue(textOf(field))])));
  };
  const edit = (key, text) => {
    setTexts({ ...texts, [key]: text });
    setRefused({});
  };

  return html`
    <section class="settings" aria-label="Settings">
      <form onSubmit=${submit} novalidate>
        ${FIELDS.map((field) =>
          html`
            <${Field}
              key=${field.key}
              field=${field}
              text=${textOf(field)}
              problem=${problems[field.key]}
              dirty=${changed.includes(field)}
              origin=${origins[field.key]}
              fixed=${fixed.includes(field.key)}
              later=${restart.includes(field.key)}
              onEdit=${edit}
            />
          `
        )}
        <div class="field">
          <span class="label">Swarm key</span>
          <p>${values.swarm_key
            ? html`Only peers with the key are met.${
              typeof values.swarm_key === "string"
                ? html`
                  Fingerprint <code>${values.swarm_key}</code>
                `
                : ""
            }`
            : "None: every program that can reach a peer can fetch what it shares."}</p>
          <p class="help">It is given with --swarm-key when the peer starts, and never shown.</p>
        </div>
        <div class="field">
          <span class="label">This page’s password</span>
          <p>${values.ui_password_file
            ? html`In the file <code>${values.ui_password_file}</code>.`
            : "No file has one."}</p>
          <p class="help">
            The file is named by <code>ui_password_file</code> in the config file, or by
            --ui-password-file; it is read when the peer starts.
          </p>
        </div>
        <div class="field">
          <span class="label">Trusted publishers</span>
          <${TrustList} />
          <p class="help">A name is fetched from its publisher alone, until that is forgotten.</p>
        </div>
        <div class="field">
          <span class="label">Notifications</span>
          <p>${!canNotify()
            ? "This browser shows none for a page without TLS."
            : allowed === "granted"
            ? "On: the end of a download is shown while this page is out of sight."
            : allowed === "denied"
            ? "Off: this browser was told to show none for this page."
            : html`<button type="button" onClick=${() =>
              Notification.requestPermission().then(
                setAllowed,
              )}>Tell me when a download is done</button>`}</p>
        </div>
        <div class="field">
          <span class="label">Sessions</span>
          <p><button type="button" onClick=${signOutEverywhere}>Sign out everywhere</button></p>
          <p class="help">Ends all sessions of this page, in all browsers. A change of the password does, too.</p>
        </div>
        <fieldset class="field">
          <legend class="label">Theme</legend>
          <div class="segments">
            ${THEMES.map(([value, label]) =>
              html`
                <label key=${value}>
                  <input
                    type="radio"
                    name="theme"
                    value=${value}
                    checked=${theme === value}
                    onChange=${() => {
                      setTheme(value);
                      save({ theme: value });
                    }}
                  />
                  <span>${label}</span>
                </label>
              `
            )}
          </div>
        </fieldset>
        ${refused.form && html`<p class="banner failed" role="alert">${refused.form}</p>`}
        <div class="buttons sticky">
          <span class="dim grow" role="status">${changed.length === 0
            ? html`Kept in <code title="The command line reads it, too">${path}</code>`
            : wrong
            ? "Something above needs another look."
            : "Not saved yet."}</span>
          <button type="button" aria-disabled=${changed.length === 0} onClick=${() => {
            setTexts({});
            setRefused({});
          }}>Undo</button>
          <button class="primary" aria-disabled=${idle}>Save</button>
        </div>
      </form>
    </section>
  `;
}

function Field({ field, text, problem, dirty, origin, fixed: isFixed, later, onEdit }) {
  const { key, label, help, lines, placeholder, echo } = field;
  const shown = problem && (dirty || text !== "");
  const fixed = SET_BY[origin];
  const properties = {
    id: `setting-${key}`,
    name: key,
    placeholder,
    disabled: Boolean(fixed) || isFixed,
    spellcheck: false,
    autocomplete: "off",
    "aria-invalid": Boolean(shown),
    "aria-describedby": `about-${key}`,
    onInput: (event) => onEdit(key, event.target.value),
  };
  return html`
    <div class=${shown ? "field wrong" : "field"}>
      <label class="label" for=${`setting-${key}`}>
        ${label}
        ${later && html`<span class="badge warn">restart to apply</span>`}
        ${fixed && html`<span class="badge">set by ${fixed}</span>`}
      </label>
      ${lines
        ? html`<textarea ...${properties} rows=${
          Math.max(2, text.split("\n").length)
        } value=${text}></textarea>`
        : html`<input ...${properties} value=${text} />`}
      <p class="help" id=${`about-${key}`}>
        ${shown ? html`<span class="problem" role="alert">${problem}</span>` : help}
        ${!shown && echo && dirty && html`: <b>${echo(text)}</b>`}
        ${isFixed && " The page may not change it, unless the peer runs with --ui-paths any."}
        ${fixed &&
          ` It was set by ${fixed} when the peer started; without that, it can be set here.`}
      </p>
    </div>
  `;
}
