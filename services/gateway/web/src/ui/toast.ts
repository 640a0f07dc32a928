/** Short messages at the edge of the screen; screen readers hear them. */
import { html, nothing, type TemplateResult } from "lit-html";

let message = "";
let bad = false;
let timer = 0;
let render: () => void = () => undefined;

/** Tell how to render again; called once by the shell. */
export function onToast(update: () => void): void {
  render = update;
}

/** Show a message for some seconds. */
export function toast(text: string, failed = false): void {
  [message, bad] = [text, failed];
  clearTimeout(timer);
  timer = window.setTimeout(() => {
    message = "";
    render();
  }, 6000);
  render();
}

/** The place of the messages. */
export const toasts = (): TemplateResult =>
  html`<div class="toasts" role="status" aria-live="polite">
    ${message ? html`<p class="toast ${bad ? "bad" : ""}">${message}</p>` : nothing}
  </div>`;
