/** `#/help`: how to use the screens, and how to export the formats that are not read (DWG, .mdb, DGN V8). */
import { html, type TemplateResult } from "lit-html";
import { lang, t } from "../core/i18n";
import { href, type Context, type View } from "../core/router";
import { dwgEn, generalEn } from "./helptext.en";
import { dwgVi, generalVi } from "./helptext.vi";

const TEXTS: Record<string, Record<"vi" | "en", () => TemplateResult>> = {
  "": { vi: generalVi, en: generalEn },
  dwg: { vi: dwgVi, en: dwgEn },
};

export default function help({ path }: Context): View {
  const topic = TEXTS[path[0] ?? ""] ?? TEXTS[""]!;
  return {
    title: "nav.help",
    render: () => html`<nav class="chips" aria-label=${t("nav.help")}>
        <a class="chip" href=${href("help")} aria-current=${path[0] ? "false" : "true"}>${t("help.general")}</a>
        <a class="chip" href=${href("help/dwg")} aria-current=${path[0] === "dwg" ? "true" : "false"}>${t("help.dwg")}</a>
      </nav>
      <article class="panel prose">${topic[lang()]()}</article>`,
  };
}
