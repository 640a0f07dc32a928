/** What machines and people say about an article, as badges that differ by colour, icon and word. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Analysis, Article, Judgement, Severity } from "../api/messages";
import { ago, dateTime, percent } from "../core/format";
import { t, tx } from "../core/i18n";
import { icon, type IconName } from "./icons";

/** The heads that a person may correct, with their labels in the order of the buttons. */
export const HEADS = {
  sentiment: ["negative", "neutral", "positive"],
  event_valence: ["negative", "neutral", "positive"],
  stance: ["critical", "none", "supportive"],
  complaint: ["yes", "no"],
  toxicity: ["yes", "no"],
} as const;
export type HeadName = keyof typeof HEADS;

/** The topics of the product, in the order of the filter. */
export const TOPICS = [
  "dat_dai", "moi_truong", "thien_tai", "chay_no", "giao_thong", "an_ninh", "y_te", "giao_duc", "kinh_te", "du_lich",
  "dich_vu_cong", "chuyen_doi_so", "van_hoa_xa_hoi", "quoc_te",
] as const;

const ICONS: Record<string, IconName> = {
  negative: "negative",
  neutral: "neutral",
  positive: "positive",
  critical: "critical",
  supportive: "supportive",
  yes: "complaint",
};

export const topicText = (code: string): string => tx(`topic.${code}`, code);
export const labelText = (head: HeadName, label: string): string => tx(`label.${head}.${label}`, label);

/** Did a person set this head? */
export const corrected = (analysis: Analysis | undefined, head: string): boolean =>
  analysis?.corrected_heads.includes(head) ?? false;

/** One judgement as a badge: the label, "không chắc" where the model is, and who said it. */
export function badge(article: Article, head: HeadName): TemplateResult | typeof nothing {
  const judgement: Judgement | undefined = article.analysis?.[head];
  if (!judgement?.label) return nothing;
  const human = corrected(article.analysis, head);
  const unsure = judgement.unsure && !human;
  const look = unsure ? "unsure" : judgement.label;
  const origin = human ? t("label.human") : t("label.machine");
  const guess = labelText(head, judgement.label);
  return html`<span class="badge ${head} ${look}" title="${t(`head.${head}`)}: ${guess} (${origin})">
    ${icon(unsure ? "unsure" : (ICONS[judgement.label] ?? "neutral"))}${unsure ? t("label.unsure") : guess}
    ${human ? html`<span class="by">${icon("person")}</span>` : nothing}
  </span>`;
}

/** Who says it and how sure: "máy gợi ý, 81 %", "không chắc", "người sửa". */
export function origin(analysis: Analysis, head: HeadName): TemplateResult {
  if (corrected(analysis, head)) return html`<span class="origin human">${icon("person")}${t("label.human")}</span>`;
  const judgement = analysis[head];
  const share = percent(judgement?.scores[judgement.label] ?? 0);
  const text = judgement?.unsure ? `${t("label.machine")}, ${t("label.unsure")}` : t("label.machine");
  return html`<span class="origin">${icon("machine")}${text}<span class="muted"> ${share}</span></span>`;
}

const SEVERITIES = {
  SEVERITY_ERROR: "error",
  SEVERITY_WARNING: "warning",
  SEVERITY_INFO: "info",
  SEVERITY_UNSPECIFIED: "info",
} as const satisfies Record<Severity, IconName>;

/** Severity of a finding as a short class name. */
export const severityClass = (severity: Severity): "error" | "warning" | "info" => SEVERITIES[severity];

/** Severity of a finding as a badge. */
export function severityBadge(severity: Severity): TemplateResult {
  const look = severityClass(severity);
  return html`<span class="badge severity ${look}">${icon(look)}${t(`severity.${look}`)}</span>`;
}

/** The age of a figure or datum, with the moment in the tooltip. */
export function age(iso: string | undefined, prefix = ""): TemplateResult {
  if (!iso) return html`<span class="age" title=${t("age.none")}>—</span>`;
  return html`<time class="age" datetime=${iso} title=${dateTime(iso)}>${prefix}${ago(iso)}</time>`;
}

/** The age of what was loaded at a moment in milliseconds. */
export const ageOf = (loadedAt: number): TemplateResult =>
  age(loadedAt ? new Date(loadedAt).toISOString() : undefined, `${t("age.updated")} `);
