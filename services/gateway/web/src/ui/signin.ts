/** The page before all others: sign in, or set a new password. */
import { html, nothing, type TemplateResult } from "lit-html";
import { ApiError } from "../api/client";
import { lang, t } from "../core/i18n";
import { changePassword, signIn, type Door } from "../core/me";

let problem = "";
let busy = false;

/** The page; `entered` is called when the server let them in, `look` when the screen has to be drawn again. */
export function signInPage(door: Door, entered: () => void, look: () => void, language: () => void): TemplateResult {
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const value = (name: string): string => String(new FormData(form).get(name) ?? "");
    problem = "";
    busy = true;
    look();
    try {
      if (door === "out") await signIn(value("name").trim().toLowerCase(), value("password"));
      else if (value("fresh") !== value("again")) problem = t("signin.differ");
      else await changePassword(value("password"), value("fresh"));
    } catch (error) {
      problem = ApiError.from(error).text();
    }
    busy = false;
    if (problem) look();
    else {
      form.reset();
      entered();
    }
  };
  return html`<main class="signin" id="main">
    <form @submit=${submit}>
      <p class="brand"><img src="/icon.svg" alt="" width="28" height="28" /><span>Ngọc Linh</span></p>
      <h1>${t(door === "out" ? "signin.title" : "signin.change")}</h1>
      ${door === "out" ? field("name", t("signin.name"), "text", "username") : html`<p>${t("signin.policy")}</p>`}
      ${field("password", t(door === "out" ? "signin.password" : "signin.old"), "password", "current-password")}
      ${door === "out"
        ? nothing
        : html`${field("fresh", t("signin.new"), "password", "new-password")}
          ${field("again", t("signin.again"), "password", "new-password")}`}
      <p class="problem" role="alert">${problem}</p>
      <button class="button primary" ?disabled=${busy}>${t(door === "out" ? "signin.enter" : "signin.save")}</button>
      <button type="button" class="quiet" lang=${lang() === "vi" ? "en" : "vi"} @click=${language}>
        ${lang() === "vi" ? "English" : "Tiếng Việt"}
      </button>
    </form>
  </main>`;
}

const field = (name: string, label: string, type: string, complete: string): TemplateResult => html`<label>
  <span>${label}</span>
  <input name=${name} type=${type} autocomplete=${complete as "username"} maxlength="256" required autocapitalize="none" />
</label>`;
