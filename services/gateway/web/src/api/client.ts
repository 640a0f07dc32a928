/** Calls of the REST API; the messages are those of the protos, in the JSON convention of the product. */
import { lang, t } from "../core/i18n";
import type { ErrorReason, LocalizedText } from "./messages";

export type Query = Record<string, string | number | boolean | string[] | undefined>;

interface ErrorBody {
  error?: { code?: number; message?: string; status?: string; details?: Record<string, unknown>[] };
  code?: number;
  message?: string;
  details?: Record<string, unknown>[];
}

/** A call that failed, with the message of the server in both languages where it sent one. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 where the server did not answer. */
    readonly status: number,
    readonly reason: string,
    private readonly texts: Partial<LocalizedText>,
  ) {
    super(texts.en ?? texts.vi ?? reason);
  }

  /** The message in the language in use. */
  text(): string {
    const own = this.texts[lang()] ?? this.texts.vi ?? this.texts.en;
    return own || (this.status ? t("error.status", { status: this.status }) : t("error.offline"));
  }

  /** Does the server not have this part at all? A missing resource has a reason, a missing route has none. */
  get absent(): boolean {
    return (this.status === 404 && !this.reason) || this.status === 405 || this.status === 501;
  }

  /** Any failure as an ApiError. */
  static from(error: unknown): ApiError {
    return error instanceof ApiError ? error : new ApiError(0, "", error instanceof TypeError ? {} : { en: String(error) });
  }

  /** The error in the body of an answer: google.rpc.Status with ErrorInfo and LocalizedMessage details. */
  static of(status: number, body: string): ApiError {
    let parsed: ErrorBody;
    try {
      parsed = JSON.parse(body) as ErrorBody;
    } catch {
      return new ApiError(status, "", {});
    }
    const inner = parsed.error ?? parsed;
    const texts: Partial<LocalizedText> = {};
    let reason: ErrorReason | string = "";
    for (const detail of inner.details ?? []) {
      if (typeof detail["reason"] === "string") reason = detail["reason"];
      const locale = detail["locale"];
      if (typeof locale === "string") texts[locale.startsWith("vi") ? "vi" : "en"] = String(detail["message"] ?? "");
    }
    if (!texts.vi && !texts.en && inner.message) texts.en = inner.message;
    return new ApiError(status, reason, texts);
  }
}

/** A path with its query; repeated fields become repeated parameters, empty values are left out. */
export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === "" || value === false) continue;
    for (const item of Array.isArray(value) ? value : [value]) search.append(key, String(item));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

let failed: () => void = () => undefined;

/** Hear of calls that got no answer, or that a part behind the server did not answer. */
export function onFailure(listener: () => void): void {
  failed = listener;
}

let strange: () => void = () => undefined;

/** Hear of calls that were refused because nobody is signed in any more. */
export function onStranger(listener: () => void): void {
  strange = listener;
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json", "accept-language": lang() };
  if (method !== "GET") headers["content-type"] = "application/json"; // no other kind of write is taken
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (body !== undefined) init.body = JSON.stringify(body);
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    failed();
    throw error;
  }
  const text = await response.text();
  if (response.status >= 500) failed();
  if (response.status === 401 && path !== "/v1/session") strange();
  if (!response.ok) throw ApiError.of(response.status, text);
  return (text ? JSON.parse(text) : {}) as T;
}

export const get = <T>(path: string, query?: Query): Promise<T> => call<T>("GET", address(path, query));
export const post = <T>(path: string, body: unknown = {}): Promise<T> => call<T>("POST", path, body);
export const patch = <T>(path: string, body: unknown): Promise<T> => call<T>("PATCH", path, body);
export const remove = <T>(path: string): Promise<T> => call<T>("DELETE", path);

/** A text answer as it is. */
export async function getText(path: string, query?: Query): Promise<string> {
  const response = await fetch(address(path, query), { headers: { "accept-language": lang() } });
  const text = await response.text();
  if (!response.ok) throw ApiError.of(response.status, text);
  return text;
}

/** An upload in progress. */
export interface Upload<T> {
  done: Promise<T>;
  abort: () => void;
}

/** Send a form with files, or a file by itself; `progress` hears the share that was sent, 0 to 1. */
export function upload<T>(path: string, form: FormData | Blob, progress: (share: number) => void): Upload<T> {
  const request = new XMLHttpRequest();
  const done = new Promise<T>((resolve, reject) => {
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(new ApiError(0, "", {}));
    request.onabort = () => reject(new ApiError(0, "ABORTED", { vi: "Đã huỷ.", en: "Cancelled." }));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText) as T);
      else reject(ApiError.of(request.status, request.responseText));
    };
  });
  request.open("POST", path);
  request.setRequestHeader("accept-language", lang());
  if (form instanceof Blob) request.setRequestHeader("content-type", "application/octet-stream");
  request.send(form);
  return { done, abort: () => request.abort() };
}
