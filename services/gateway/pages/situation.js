// Fills the page from the API; text is only ever set as text.
"use strict";

const byId = (id) => document.getElementById(id);
const day = (time) => (time ? new Date(time).toLocaleString("vi-VN", { dateStyle: "short", timeStyle: "short" }) : "–");
const number = (value) => Number(value ?? 0).toLocaleString("vi-VN");

function element(tag, text, parent) {
  const made = document.createElement(tag);
  made.textContent = text;
  parent.append(made);
  return made;
}

async function get(path) {
  const response = await fetch(path, { headers: { "Accept-Language": "vi" } });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error.message);
  return body;
}

function row({ area, media, land }) {
  const line = element("tr", "", byId("areas"));
  const cells = [area.title];
  cells.push(...(media ? [media.article_count, media.story_count, media.negative_count, media.complaint_count].map(number) : ["?", "?", "?", "?"]));
  cells.push(media ? day(media.newest_article_time) : "?");
  cells.push(...(land ? [land.parcel_count, land.error_count, land.warning_count].map(number) : ["?", "?", "?"]));
  cells.push(land ? day(land.newest_import_time) : "?");
  for (const cell of cells) element("td", cell, line);
}

async function show() {
  byId("problem").textContent = "";
  try {
    const situation = await get("/v1/situation");
    byId("areas").replaceChildren();
    situation.areas.forEach(row);
    byId("freshness").replaceChildren();
    for (const { origin, data_time, stale, problem } of situation.freshness) {
      const name = origin === "media" ? "Tin bài" : "Đất đai";
      const line = element("li", `${name}: số liệu lúc ${day(data_time)}. ${problem ? problem.vi : ""}`, byId("freshness"));
      if (stale) line.className = "stale";
    }
    const { articles } = await get("/v1/articles?page_size=20&filter.watch_area=" + encodeURIComponent(situation.watch_area));
    byId("articles").replaceChildren();
    for (const article of articles) {
      const label = article.analysis?.sentiment ? ` (máy gợi ý: ${article.analysis.sentiment.label})` : "";
      element("li", `${day(article.publish_time)} · ${article.title}${label}`, byId("articles"));
    }
  } catch (error) {
    byId("problem").textContent = error.message;
  }
}

show();
setInterval(show, 60000);
