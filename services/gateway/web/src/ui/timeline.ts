/** Articles over time by sentiment: the option of the chart, and the same figures as a table for readers without it. */
import { html, type TemplateResult } from "lit-html";
import type { TimeBucket } from "../api/messages";
import { dayText, isoDay, num } from "../core/format";
import { t } from "../core/i18n";

const ORDER = ["negative", "neutral", "positive"] as const;
let loaded = false;

/** Load the chart library once it is needed, then render again. */
export function loadCharts(update: () => void): void {
  if (loaded) return;
  void import("./chart").then(() => {
    loaded = true;
    update();
  });
}

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

interface Day {
  day: string;
  counts: Record<(typeof ORDER)[number], number>;
  total: number;
}

/** One entry for each day of the range, days without an article too. */
export function daily(histogram: TimeBucket[], days: number): Day[] {
  const byDay = new Map(histogram.map((bucket) => [isoDay(0, Date.parse(bucket.start_time ?? "")), bucket]));
  return Array.from({ length: days + 1 }, (_, index) => {
    const day = isoDay(index - days);
    const bucket = byDay.get(day);
    const of = (label: string): number => Number(bucket?.sentiments.find(({ value }) => value === label)?.count ?? 0);
    const counts = { negative: of("negative"), neutral: of("neutral"), positive: of("positive") };
    return { day, counts, total: Number(bucket?.count ?? 0) };
  });
}

function option(days: Day[]): object {
  const text = colour("muted");
  const line = colour("line");
  const font = { color: text, fontFamily: "Be Vietnam Pro, sans-serif", fontSize: 11 };
  return {
    animation: false,
    textStyle: font,
    grid: { left: 4, right: 8, top: 30, bottom: 2, containLabel: true },
    legend: { top: 0, left: 0, itemWidth: 10, itemHeight: 10, textStyle: font, selectedMode: false },
    tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" }, confine: true },
    xAxis: {
      type: "category",
      data: days.map(({ day }) => dayText(day, true)),
      axisLabel: { ...font, hideOverlap: true },
      axisTick: { show: false },
      axisLine: { lineStyle: { color: line } },
    },
    yAxis: { type: "value", minInterval: 1, axisLabel: font, splitLine: { lineStyle: { color: line } } },
    series: ORDER.map((label) => ({
      name: t(`label.sentiment.${label}`),
      type: "bar",
      stack: "all",
      barMaxWidth: 26,
      itemStyle: { color: colour(`${label}-fill`) },
      data: days.map(({ counts }) => counts[label]),
    })),
  };
}

/** The drawing with its table. `pick` hears the day that was clicked. */
export function timeline(histogram: TimeBucket[], range: number, pick?: (day: string) => void): TemplateResult {
  const days = daily(histogram, range);
  const picked = (event: CustomEvent<number>): void => pick?.(days[event.detail]?.day ?? "");
  const chart = html`<nl-chart class="chart" aria-hidden="true" .option=${option(days)} @pick=${picked}></nl-chart>`;
  return html`${loaded ? chart : html`<div class="chart"></div>`}
    <details class="as-table">
      <summary>${t("chart.table")}</summary>
      <div class="scroll" tabindex="0" role="group" aria-label=${t("chart.table")}>
        <table>
          <thead>
            <tr>
              <th scope="col">${t("time.day")}</th>
              ${ORDER.map((label) => html`<th scope="col" class="n">${t(`label.sentiment.${label}`)}</th>`)}
              <th scope="col" class="n">${t("count.all")}</th>
            </tr>
          </thead>
          <tbody>
            ${days.filter(({ total }) => total > 0).map(
              ({ day, counts, total }) => html`<tr>
                <th scope="row">${dayText(day)}</th>
                ${ORDER.map((label) => html`<td class="n">${num(counts[label])}</td>`)}
                <td class="n">${num(total)}</td>
              </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </details>
    `;
}
