/** `#/quarantine`: how the system is, what would be raised, and the events that no worker could use. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Health, ListQuarantinedResponse, Quarantined } from "../api/messages";
import { ApiError, get, post } from "../api/client";
import { num } from "../core/format";
import { t } from "../core/i18n";
import { Resource, show } from "../core/resource";
import type { Context, View } from "../core/router";
import { age, ageOf } from "../ui/labels";
import { toast } from "../ui/toast";
import { alarmsView, healthView } from "./health";

export default function quarantine({ update }: Context): View {
  const list = new Resource<ListQuarantinedResponse>(update);
  const health = new Resource<Health>(update);
  let chosen = new Set<string>();

  function refresh(): void {
    void list.load(() => get("/v1/quarantine", { page_size: 200 }));
    void health.load(() => get("/v1/health"));
  }

  async function act(verb: "release" | "purge"): Promise<void> {
    if (verb === "purge" && !confirm(t("quarantine.purge_sure", { n: chosen.size }))) return;
    try {
      await post(`/v1/quarantine:${verb}`, { ids: [...chosen] });
      toast(t(`quarantine.${verb}d`, { n: chosen.size }));
      chosen = new Set();
    } catch (error) {
      toast(ApiError.from(error).text(), true);
    }
    refresh();
  }

  function row(one: Quarantined): TemplateResult {
    const toggle = (event: Event): void => {
      if ((event.target as HTMLInputElement).checked) chosen.add(one.id);
      else chosen.delete(one.id);
      update();
    };
    return html`<tr data-event=${one.id}>
      <td><input type="checkbox" aria-label=${t("quarantine.choose", { id: one.id })} .checked=${chosen.has(one.id)} @change=${toggle} /></td>
      <th scope="row"><code>${one.subject}</code><small class="muted">${one.group}</small></th>
      <td>${one.reason}</td>
      <td class="n">${num(one.attempt)}</td>
      <td>${age(one.quarantine_time)}</td>
      <td>${one.preview ? html`<details><summary>${t("quarantine.payload")}</summary><pre>${one.preview}</pre></details>` : nothing}</td>
    </tr>`;
  }

  function table(all: Quarantined[]): TemplateResult {
    if (!all.length) return html`<p class="empty good">${t("quarantine.none")}</p>`;
    const heads = ["quarantine.subject", "quarantine.reason", "quarantine.attempts", "quarantine.time", "quarantine.payload"] as const;
    return html`<p class="bar">
        <button class="button" ?disabled=${!chosen.size} @click=${() => act("release")}>${t("quarantine.release", { n: chosen.size })}</button>
        <button class="button danger" ?disabled=${!chosen.size} @click=${() => act("purge")}>${t("quarantine.purge", { n: chosen.size })}</button>
      </p>
      <div class="scroll" tabindex="0" role="group" aria-label=${t("nav.quarantine")}>
        <table class="dense">
          <thead><tr><td></td>${heads.map((key) => html`<th scope="col">${t(key)}</th>`)}</tr></thead>
          <tbody>${all.map(row)}</tbody>
        </table>
      </div>`;
  }

  refresh();

  return {
    title: "nav.quarantine",
    refresh,
    render: () => html`${health.error
        ? nothing
        : html`<section class="panel" aria-labelledby="alarms-title">
              <header><h2 id="alarms-title">${t("health.alarms")}</h2><span class="grow"></span>${ageOf(health.loadedAt)}</header>
              ${show(health, alarmsView)}
            </section>
            <section class="panel" aria-labelledby="health-title">
              <header><h2 id="health-title">${t("quarantine.health")}</h2><span class="grow"></span>${ageOf(health.loadedAt)}</header>
              ${show(health, healthView)}
            </section>`}
      <section class="panel" aria-labelledby="quarantine-title">
        <header>
          <h2 id="quarantine-title">${t("quarantine.title")}</h2>
          <span class="grow"></span>
          ${ageOf(list.loadedAt)}
        </header>
        <p class="muted pad">${t("quarantine.help")}</p>
        ${show(list, (answer) => table(answer.quarantined))}
      </section>`,
  };
}
