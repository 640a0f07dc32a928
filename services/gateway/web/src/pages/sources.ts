/** `#/sources`: how every source is, run it now, pause it, and add one that is checked before it is saved. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { ListSourcesResponse, Source, SourceState } from "../api/messages";
import { ApiError, get, patch, post } from "../api/client";
import { num, percent } from "../core/format";
import { local, t, tx } from "../core/i18n";
import { Resource, show } from "../core/resource";
import type { Context, View } from "../core/router";
import { icon, type IconName } from "../ui/icons";
import { age, ageOf } from "../ui/labels";
import { toast } from "../ui/toast";
import { sourceForm } from "./sourceform";

const LOOKS: Record<SourceState, [IconName, string]> = {
  SOURCE_STATE_UNSPECIFIED: ["clock", "neutral"],
  SOURCE_STATE_ACTIVE: ["check", "good"],
  SOURCE_STATE_PAUSED: ["pause", "neutral"],
  SOURCE_STATE_DISABLED: ["error", "error"],
  SOURCE_STATE_BLOCKED: ["warning", "warning"],
};

export default function sources({ update }: Context): View {
  const list = new Resource<ListSourcesResponse>(update);
  const form = sourceForm(update, refresh);

  function refresh(): void {
    void list.load(() => get("/v1/sources", { page_size: 500 }));
  }

  async function act(work: Promise<unknown>, done: string): Promise<void> {
    try {
      await work;
      toast(done);
    } catch (error) {
      toast(ApiError.from(error).text(), true);
    }
    refresh();
  }

  const run = ({ name, title }: Source): Promise<void> => act(post(`/v1/${name}:run`), t("source.asked", { title }));

  function pause(source: Source): Promise<void> {
    const state: SourceState = source.state === "SOURCE_STATE_PAUSED" ? "SOURCE_STATE_ACTIVE" : "SOURCE_STATE_PAUSED";
    return act(patch(`/v1/${source.name}?update_mask=state`, { name: source.name, state }), t("source.changed", { title: source.title }));
  }

  const trouble = (source: Source): string =>
    [local(source.problem), ...source.discoveries.map(({ problem }) => local(problem))].filter(Boolean)[0] ?? "";

  /** What the last look at a source as a whole found; the parts are told on demand. */
  function checks({ check_time, checks: found }: Source): TemplateResult {
    if (!check_time) return html`<span class="age">—</span>`;
    const wrong = found.filter(({ ok }) => !ok).length;
    return html`<details class="checked">
      <summary class=${wrong ? "bad" : ""}>${wrong ? t("source.check_wrong", { n: num(wrong) }) : t("source.check_good")} · ${age(check_time)}</summary>
      <ul class="plain checks">
        ${found.map(
          ({ kind, ok, url, message }) => html`<li class=${ok ? "good" : "bad"}>
            ${icon(ok ? "check" : "error")}<b>${kind}</b> <span class="muted">${url}</span> ${local(message)}
          </li>`,
        )}
      </ul>
    </details>`;
  }

  function row(source: Source): TemplateResult {
    const [shape, look] = LOOKS[source.state];
    const problem = trouble(source);
    const paused = source.state === "SOURCE_STATE_PAUSED";
    return html`<tr data-source=${source.name}>
      <th scope="row">
        ${source.title || source.name}
        <small class="muted">${source.name.replace("sources/", "")}${source.tier ? ` · ${tx(`tier.${source.tier}`, source.tier)}` : ""}</small>
      </th>
      <td>
        <span class="badge severity ${look}">${icon(shape)}${t(`source.${source.state}`)}</span>
        ${problem ? html`<small class="bad">${problem}</small>` : nothing}
      </td>
      <td>${age(source.poll_time)}</td>
      <td>${checks(source)}</td>
      <td>${age(source.newest_article_time)}</td>
      <td class="n">${num(source.article_count)}</td>
      <td class="n ${source.empty_share > 0.2 ? "bad" : ""}">${percent(source.empty_share)}</td>
      <td class="n ${Number(source.failure_count) ? "warn" : "zero"}">${num(source.failure_count)}</td>
      <td class="n ${Number(source.refused_count) ? "" : "zero"}">${num(source.refused_count)}</td>
      <td class="buttons">
        <button class="button small" @click=${() => run(source)} ?disabled=${paused}>${icon("play")}${t("source.run")}</button>
        <button class="button small" @click=${() => pause(source)}>
          ${icon(paused ? "play" : "pause")}${t(paused ? "source.resume" : "source.pause")}
        </button>
      </td>
    </tr>`;
  }

  function table({ sources: all }: ListSourcesResponse): TemplateResult {
    if (!all.length) return html`<p class="empty">${t("source.none")}</p>`;
    const heads = ["source.name", "source.state", "source.polled", "source.checked", "source.newest"] as const;
    const numbers = ["source.articles", "source.empty", "source.failures", "source.refused"] as const;
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${t("nav.sources")}>
      <table class="dense">
        <thead>
          <tr>
            ${heads.map((key) => html`<th scope="col">${t(key)}</th>`)}
            ${numbers.map((key) => html`<th scope="col" class="n">${t(key)}</th>`)}
            <th scope="col"><span class="sr">${t("source.actions")}</span></th>
          </tr>
        </thead>
        <tbody>${all.map(row)}</tbody>
      </table>
    </div>`;
  }

  refresh();

  return {
    title: "nav.sources",
    refresh,
    render: () => html`<section class="panel" aria-labelledby="sources-title">
        <header>
          <h2 id="sources-title">${t("source.health")}</h2>
          <span class="grow"></span>
          ${ageOf(list.loadedAt)}
        </header>
        ${show(list, table)}
      </section>
      ${form()}`,
  };
}
