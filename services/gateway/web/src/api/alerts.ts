/** What the screens read of alert rules, alerts and the quarantine. */
import type { Article, ArticleFilter } from "./messages";

export interface AlertRule {
  name: string;
  title: string;
  filter?: Partial<ArticleFilter>;
  threshold_count: number;
  /** Duration, "3600s". */
  window?: string;
  severity: string;
  cooldown?: string;
  webhook_url: string;
  enabled: boolean;
}

export interface Alert {
  name: string;
  rule: string;
  title: string;
  articles: string[];
  raise_time?: string;
  count: number;
  areas: string[];
  acknowledge_time?: string;
  acknowledge_user: string;
  note: string;
}

export interface RuleTest {
  count: string | number;
  days: { day?: string; start_time?: string; count: string | number }[];
  articles: Article[];
}

export interface Quarantined {
  id: string;
  subject: string;
  group: string;
  reason: string;
  attempt: number;
  quarantine_time?: string;
  preview?: string;
}
