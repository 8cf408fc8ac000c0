import type { EnrichedEvent } from '../event.ts';
import { accepts, type Filter } from './filter.ts';
import { spoLogRecord } from './spo-log.ts';

/** Those of the events that a filter wants, by their own names or by SPO's. */
export function select(events: readonly EnrichedEvent[], filter: Filter): readonly EnrichedEvent[] {
  if (filter.rules.length === 0 && filter.terms.length === 0) return events;
  return events.filter((event) => accepts(filter, { ...event }, spoLogRecord(event)));
}
