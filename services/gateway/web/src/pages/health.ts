/** How the system is: stores, queues, crawler, disk, versions. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Health, QueueHealth, StoreHealth } from "../api/messages";
import { bytes, num, percent } from "../core/format";
import { local, t } from "../core/i18n";
import { icon } from "../ui/icons";
import { age } from "../ui/labels";

const LEAST_FREE = 0.1; // share of the disk below which it is marked

const store = (one: StoreHealth): TemplateResult => html`<tr>
  <th scope="row">${t(`health.${one.name as "bus"}`)}</th>
  <td>
    <span class="badge severity ${one.reachable ? "good" : "error"}">
      ${icon(one.reachable ? "check" : "error")}${t(one.reachable ? "health.answers" : "health.silent")}
    </span>
    ${local(one.problem) ? html`<small class="bad">${local(one.problem)}</small>` : nothing}
  </td>
  <td class="n">${Number(one.size_bytes) ? bytes(one.size_bytes) : "—"}</td>
  <td class="n">${num(one.answer_ms, 1)} ms</td>
</tr>`;

const queue = ({ name, waiting_count }: QueueHealth): TemplateResult => html`<tr>
  <th scope="row"><code>${name}</code></th>
  <td class="n ${Number(waiting_count) ? "" : "zero"}">${num(waiting_count)}</td>
</tr>`;

/** The figures. */
export function healthView({ stores, queues, crawler, disk, versions, model, start_time }: Health): TemplateResult {
  const free = disk ? Number(disk.free_bytes) / Math.max(1, Number(disk.total_bytes)) : 1;
  return html`<div class="split even pad">
    <table class="dense">
      <thead>
        <tr>
          <th scope="col">${t("health.store")}</th>
          <th scope="col">${t("source.state")}</th>
          <th scope="col" class="n">${t("import.size")}</th>
          <th scope="col" class="n">${t("health.read")}</th>
        </tr>
      </thead>
      <tbody>${stores.map(store)}</tbody>
    </table>
    <table class="dense">
      <thead><tr><th scope="col">${t("health.queue")}</th><th scope="col" class="n">${t("health.waiting")}</th></tr></thead>
      <tbody>${queues.map(queue)}</tbody>
    </table>
    <dl class="facts">
      ${crawler
        ? html`<dt>${t("health.crawler")}</dt>
            <dd>
              ${t(crawler.enabled ? "health.on" : "health.off")}, ${t("health.sources", { n: num(crawler.source_count), active: num(crawler.active_count) })}
              ${crawler.problem_count ? html`<span class="bad">${t("health.problems", { n: num(crawler.problem_count) })}</span>` : nothing}
              · ${age(crawler.last_poll_time, `${t("health.polled")} `)}
            </dd>`
        : nothing}
      ${disk
        ? html`<dt>${t("health.disk")}</dt>
            <dd class=${free < LEAST_FREE ? "bad" : ""}>${t("health.free", { free: bytes(disk.free_bytes), share: percent(free) })}</dd>`
        : nothing}
      <dt>${t("health.started")}</dt><dd>${age(start_time)}</dd>
    </dl>
    <dl class="facts">
      <dt>${t("article.models")}</dt><dd>${model || "—"}</dd>
      ${versions.map(({ name, version }) => html`<dt>${name}</dt><dd>${version}</dd>`)}
    </dl>
  </div>`;
}
