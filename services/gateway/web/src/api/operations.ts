/** What the screens read of the quarantine. */
export interface Quarantined {
  id: string;
  subject: string;
  group: string;
  reason: string;
  attempt: number;
  quarantine_time?: string;
  preview?: string;
}
