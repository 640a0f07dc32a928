/** The next release on the settings page: take its bundle, ask for it or show the command, tell how it goes. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Bundle, Install, InstallState, Maintenance } from "../api/messages";
import { ApiError, post } from "../api/client";
import { bytes, dateTime } from "../core/format";
import { local, t } from "../core/i18n";
import { icon, type IconName } from "../ui/icons";
import { age } from "../ui/labels";
import { taking } from "../ui/taking";
import { toast } from "../ui/toast";

const LOOKS: Record<InstallState, [IconName, string]> = {
  INSTALL_STATE_UNSPECIFIED: ["clock", "neutral"],
  INSTALL_STATE_REQUESTED: ["clock", "warning"],
  INSTALL_STATE_RUNNING: ["clock", "warning"],
  INSTALL_STATE_DONE: ["check", "good"],
  INSTALL_STATE_FAILED: ["error", "error"],
  INSTALL_STATE_TAKEN_BACK: ["error", "error"],
};

/** Is an update under way whose end is waited for? */
export const installing = ({ install }: Maintenance): boolean =>
  install?.state === "INSTALL_STATE_REQUESTED" || install?.state === "INSTALL_STATE_RUNNING";

/** The panel; `told` hears of what the server says about everything. */
export function release(update: () => void, told: (now: Maintenance) => void, refresh: () => void): (now: Maintenance) => TemplateResult {
  const take = taking<Bundle>("/v1/bundles:upload", ".tar", taken, update);
  let typed = "";
  let first = ""; // release of which this page is a part

  function taken({ version }: Bundle): void {
    toast(t("release.taken", { version }));
    typed = "";
    refresh();
  }

  async function begin({ sha256 }: Bundle): Promise<void> {
    try {
      const now = await post<Maintenance>("/v1/bundles:install", { sha256, confirmation: typed.trim() });
      typed = "";
      told(now);
    } catch (error) {
      toast(ApiError.from(error).text(), true);
      refresh();
    }
  }

  function installed({ state, version_before, version, user, start_time, problem }: Install): TemplateResult {
    const [shape, look] = LOOKS[state];
    return html`<div class="pad installed" role="status">
      <p>
        <span class="badge severity ${look}">${icon(shape)}${t(`install.${state}`)}</span>
        <b>${version_before}${version_before && version ? " → " : ""}${version}</b>
        <span class="muted">${t("install.asked", { user: user || "—", time: dateTime(start_time) })}</span>
      </p>
      ${local(problem) ? html`<p class="bad">${local(problem)}</p>` : nothing}
    </div>`;
  }

  /** What would happen, and the field in which to say that it shall. */
  function form(bundle: Bundle): TemplateResult {
    const input = (event: Event): void => {
      typed = (event.target as HTMLInputElement).value;
      update();
    };
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      void begin(bundle);
    };
    return html`<form class="cause sure install" @submit=${submit} aria-labelledby="install-title">
      <h3 id="install-title">${icon("warning")}${t("install.title", { version: bundle.version })}</h3>
      <ul>
        <li>${t("install.means_signed")}</li>
        <li>${t("install.means_pause")}</li>
        <li>${t("install.means_back")}</li>
      </ul>
      <label class="field">
        <span>${t("install.type")} <code>${bundle.version}</code></span>
        <input name="version" autocomplete="off" spellcheck="false" .value=${typed} @input=${input} />
      </label>
      <p class="bar"><button class="button danger" ?disabled=${typed.trim() !== bundle.version}>${t("install.begin")}</button></p>
    </form>`;
  }

  function byHand(bundle: Bundle, hindrance: string): TemplateResult {
    return html`<p class="pad">${hindrance || t("release.unsigned")}</p>
      <p class="pad">${t("release.compare")}</p>
      <pre class="command">${bundle.command}</pre>`;
  }

  function waiting(bundle: Bundle, now: Maintenance): TemplateResult {
    const hindrance = local(now.install_hindrance);
    return html`<dl class="facts pad">
        <dt>${t("release.next")}</dt><dd><b>${bundle.version}</b>, ${bytes(bundle.size_bytes)} · ${age(bundle.create_time)}</dd>
        <dt>${t("release.signature")}</dt><dd>${bundle.signed ? t("release.signed") : t("release.unsigned")}</dd>
        <dt>SHA-256</dt><dd><code class="long">${bundle.sha256}</code></dd>
      </dl>
      ${hindrance || !bundle.signed ? byHand(bundle, hindrance) : installing(now) ? nothing : form(bundle)}`;
  }

  return (now) => {
    first ||= now.version;
    return html`<section class="panel" aria-labelledby="release-title">
      <header><h2 id="release-title">${t("release.title")}</h2><span class="grow"></span><b>${now.version}</b></header>
      ${now.install ? installed(now.install) : nothing}
      ${now.version !== first
        ? html`<p class="bar"><button class="button primary" @click=${() => location.reload()}>${icon("play")}${t("release.reload")}</button></p>`
        : nothing}
      <p class="muted pad">${t("release.help")}</p>
      <p class="bar">${take(t("release.take"), Number(now.max_upload_bytes))}</p>
      ${now.bundle ? waiting(now.bundle, now) : nothing}
    </section>`;
  };
}
