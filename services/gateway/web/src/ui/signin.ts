/** The page before all others: sign in, or set a new password. */
import { html, nothing, type TemplateResult } from "lit-html";
import { ApiError } from "../api/client";
import { lang, t, tx } from "../core/i18n";
import { changePassword, signIn, ways, type Door, type Ways } from "../core/me";
import { locate } from "../core/router";

let problem = "";
let offered: Ways | undefined; // asked for once
let busy = false;

/** Ask which ways there are; the password alone where the server does not say. */
function ask(look: () => void): void {
  offered = { local: true, provider: "" };
  void ways().then(
    (found) => {
      offered = found;
      look();
    },
    () => undefined,
  );
}

/** What the address says: why the provider's answer was not taken, or that one has signed out there. */
const said = (): string => locate(location.hash).query.get("why") ?? "";

const why = (): string => (said() && said() !== "LEFT" ? tx(`signin.why.${said()}`, t("signin.why.TOKEN")) : "");

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
  if (!offered && door === "out") ask(look);
  const [provider, local] = door === "out" ? [offered?.provider ?? "", offered?.local ?? true] : ["", true];
  return html`<main class="signin" id="main">
    <form @submit=${submit}>
      <p class="brand"><img src="/icon.svg" alt="" width="28" height="28" /><span>Ngọc Linh</span></p>
      <h1>${t(door === "out" ? "signin.title" : "signin.change")}</h1>
      ${said() === "LEFT" && door === "out" ? html`<p role="status">${t("signin.left")}</p>` : nothing}
      ${provider ? html`<a class="button primary" href="/v1/session/begin">${t("signin.provider", { name: provider })}</a>` : nothing}
      ${provider && local ? html`<p class="muted">${t("signin.or")}</p>` : nothing} ${local ? fields(door) : nothing}
      <p class="problem" role="alert">${problem || (door === "out" ? why() : "")}</p>
      ${local
        ? html`<button class=${provider ? "button" : "button primary"} ?disabled=${busy}>${t(door === "out" ? "signin.enter" : "signin.save")}</button>`
        : nothing}
      <button type="button" class="quiet" lang=${lang() === "vi" ? "en" : "vi"} @click=${language}>
        ${lang() === "vi" ? "English" : "Tiếng Việt"}
      </button>
    </form>
  </main>`;
}

const fields = (door: Door): TemplateResult => html`${door === "out"
    ? field("name", t("signin.name"), "text", "username")
    : html`<p>${t("signin.policy")}</p>`}
  ${field("password", t(door === "out" ? "signin.password" : "signin.old"), "password", "current-password")}
  ${door === "out"
    ? nothing
    : html`${field("fresh", t("signin.new"), "password", "new-password")}
      ${field("again", t("signin.again"), "password", "new-password")}`}`;

const field = (name: string, label: string, type: string, complete: string): TemplateResult => html`<label>
  <span>${label}</span>
  <input name=${name} type=${type} autocomplete=${complete as "username"} maxlength="256" required autocapitalize="none" />
</label>`;
