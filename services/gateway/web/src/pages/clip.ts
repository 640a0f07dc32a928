/** `#/clip`: paste a link, or clip a text with a picture or file as evidence; and the bookmarklet that fills it. */
import { html, nothing } from "lit-html";
import type { SubmitArticleResponse } from "../api/messages";
import { ApiError, post, upload } from "../api/client";
import { t } from "../core/i18n";
import { href, type Context, type View } from "../core/router";
import { icon } from "../ui/icons";

/** Opens this page with the address, title and selection of the page that is being read. */
function bookmarklet(): string {
  const parts = "'url='+e(location.href)+'&title='+e(document.title)+'&text='+e(String(getSelection()))";
  return `javascript:void(function(e){open('${location.origin}/#/clip?'+${parts})}(encodeURIComponent))`;
}

export default function clip({ query, update }: Context): View {
  let outcome: { good: boolean; text: string; article: string } | undefined;
  let busy = false;

  async function send(form: HTMLFormElement): Promise<SubmitArticleResponse> {
    const data = new FormData(form);
    const file = data.get("evidence");
    const time = String(data.get("publish_time") ?? "");
    const publish = time ? new Date(`${time}:00+07:00`).toISOString() : "";
    if (file instanceof File && file.size > 0) {
      data.set("publish_time", publish);
      return upload<SubmitArticleResponse>("/v1/articles:clip", data, () => undefined).done;
    }
    const text = (key: string): string => String(data.get(key) ?? "").trim();
    const body = { url: text("url"), title: text("title"), text: text("text") };
    return post("/v1/articles:submit", publish && body.text ? { ...body, publish_time: publish } : body);
  }

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    busy = true;
    update();
    try {
      const { article, state } = await send(form);
      const stored = state === "SUBMISSION_STATE_STORED" || Boolean(article);
      outcome = { good: true, text: t(stored ? "clip.stored" : "clip.pending"), article };
      form.reset();
    } catch (error) {
      outcome = { good: false, text: ApiError.from(error).text(), article: "" };
    }
    busy = false;
    update();
  }

  return {
    title: "nav.clip",
    render: () => html`<div class="split even">
      <section class="panel" aria-labelledby="clip-title">
        <header><h2 id="clip-title">${t("clip.title")}</h2></header>
        <form class="editor" @submit=${submit}>
          <label class="field">
            <span>${t("clip.url")}</span>
            <input type="url" name="url" maxlength="2048" value=${query.get("url") ?? ""} placeholder="https://" />
            <small>${t("clip.url_help")}</small>
          </label>
          <label class="field"><span>${t("clip.headline")}</span><input name="title" maxlength="1000" value=${query.get("title") ?? ""} /></label>
          <label class="field">
            <span>${t("clip.text")}</span>
            <textarea name="text" rows="10" .value=${query.get("text") ?? ""}></textarea>
            <small>${t("clip.text_help")}</small>
          </label>
          <div class="fields">
            <label class="field"><span>${t("clip.time")}</span><input type="datetime-local" name="publish_time" /></label>
            <label class="field"><span>${t("clip.evidence")}</span><input type="file" name="evidence" accept="image/png,image/jpeg,application/pdf" /></label>
          </div>
          <p class="bar"><button class="button primary" ?disabled=${busy}>${busy ? t("clip.sending") : t("clip.send")}</button></p>
          ${outcome
            ? html`<p class=${outcome.good ? "outcome good" : "problem"} role=${outcome.good ? "status" : "alert"}>
                ${outcome.text}
                ${outcome.article
                  ? html`<a href=${href("news", { article: outcome.article.split("/")[1], everywhere: "1" })}>${t("clip.open")}</a>`
                  : nothing}
              </p>`
            : nothing}
        </form>
      </section>
      <section class="panel prose" aria-labelledby="mark-title">
        <header><h2 id="mark-title">${t("clip.bookmarklet")}</h2></header>
        <p>${t("clip.bookmarklet_help")}</p>
        <p><a class="button" href=${bookmarklet()} @click=${(event: Event) => event.preventDefault()}>${icon("clip")}${t("clip.bookmarklet_name")}</a></p>
        <p>${t("clip.masking")}</p>
      </section>
    </div>`,
  };
}
