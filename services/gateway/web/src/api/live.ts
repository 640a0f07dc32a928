/** Events of the server (server-sent events), shared by all pages; the browser connects again by itself. */

type Listener = (kind: string, data: unknown) => void;

const listeners = new Set<Listener>();
let stream: EventSource | undefined;
let failures = 0;

/** Names of the events that `/v1/events` sends. */
const KINDS = ["article", "alert", "import", "situation"];
const MOST_FAILURES = 5; // a server without events is not asked for ever

function connect(): void {
  stream = new EventSource("/v1/events");
  stream.onopen = () => (failures = 0);
  stream.onerror = () => {
    failures += 1;
    if (stream?.readyState === EventSource.CLOSED || failures >= MOST_FAILURES) stream?.close();
  };
  for (const kind of KINDS) {
    stream.addEventListener(kind, (event) => {
      let data: unknown;
      try {
        data = JSON.parse((event as MessageEvent<string>).data);
      } catch {
        return;
      }
      for (const listener of [...listeners]) listener(kind, data);
    });
  }
}

/** Hear events; the answer ends it. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  if (!stream) connect();
  return () => listeners.delete(listener);
}
