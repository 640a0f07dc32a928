/** A file that is sent by itself, large ones too: choose it, watch it go, cancel it. */
import { html, type TemplateResult } from "lit-html";
import { ApiError, upload, type Upload } from "../api/client";
import { bytes, percent } from "../core/format";
import { t } from "../core/i18n";
import { icon } from "./icons";
import { toast } from "./toast";

/** A button that takes one file of a kind and sends it to a path, which may tell the name of the file. */
export function taking<T>(path: string | ((file: File) => string), accept: string, done: (answer: T) => void, update: () => void): (text: string, most: number) => TemplateResult {
  let running: { upload: Upload<T>; name: string; share: number } | undefined;

  async function send(file: File, most: number): Promise<void> {
    if (most && file.size > most) {
      toast(t("settings.too_large", { most: bytes(most) }), true);
      return;
    }
    const sent = upload<T>(typeof path === "string" ? path : path(file), file, (share) => {
      if (running) running.share = share;
      update();
    });
    running = { upload: sent, name: file.name, share: 0 };
    update();
    try {
      done(await sent.done);
    } catch (error) {
      toast(ApiError.from(error).text(), true);
    }
    running = undefined;
    update();
  }

  return (text, most) => {
    if (running) {
      const { name, share, upload: sent } = running;
      return html`<span class="taking" role="status">
        <b class="file">${name}</b> <progress .value=${share} max="1" aria-label=${name}></progress>
        ${share < 1 ? percent(share) : t("settings.looking")}
        <button class="button small" type="button" @click=${sent.abort}>${t("action.cancel")}</button>
      </span>`;
    }
    const chosen = (event: Event): void => {
      const input = event.target as HTMLInputElement;
      const file = input.files?.[0];
      input.value = ""; // the same file may be chosen again
      if (file) void send(file, most);
    };
    return html`<label class="button">
      ${icon("upload")}${text}<input type="file" class="sr" accept=${accept} aria-label=${text} @change=${chosen} />
    </label>`;
  };
}
