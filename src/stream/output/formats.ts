import type { EnrichedEvent } from '../event.ts';
import { accepts, type Filter } from './filter.ts';
import { renderPretty } from './pretty.ts';
import { processDetails } from './process-details.ts';
import { SpoJsonBuckets } from './spo-json.ts';
import { renderSpoLog } from './spo-log.ts';

export const FORMATS = ['json', 'pretty', 'spo-log', 'spo-json'] as const;

/** Events made into lines; some formats keep events back for a while. */
export interface Format {
  lines(events: readonly EnrichedEvent[]): string;
  /** What was kept back, once it is due, or `all` of it. */
  due(all: boolean): string;
  /** Since when (Date.now()) something is kept back, if anything is. */
  readonly keptSince: number | undefined;
}

export interface FormatSettings {
  readonly color: boolean;
  /** spo-json: milliseconds over which the calls of a process become one record. */
  readonly interval: number;
  /** spo-json: its rules are for records, whose keys no event has (`requestUID`). */
  readonly filter?: Filter;
}

/** What of a filter is for events, where they become this. */
export function filterOfEvents(name: (typeof FORMATS)[number], filter: Filter): Filter {
  return name === 'spo-json' ? { ...filter, rules: [] } : filter;
}

export function makeFormat(name: (typeof FORMATS)[number], settings: FormatSettings): Format {
  if (name === 'spo-json') return spoJson(settings);
  if (name === 'pretty') return plain((event) => renderPretty(event, settings.color));
  if (name === 'spo-log') return plain((event) => renderSpoLog(event, process.pid, new Date()));
  return plain((event) => `${JSON.stringify(event)}\n`);
}

function plain(render: (event: EnrichedEvent) => string): Format {
  return {
    lines: (events) => {
      let text = '';
      for (const event of events) text += render(event);
      return text;
    },
    due: () => '',
    keptSince: undefined,
  };
}

function spoJson({ interval, filter }: FormatSettings): Format {
  const rules = { rules: filter?.rules ?? [], terms: [] };
  const buckets = new SpoJsonBuckets(processDetails, interval, (record) => accepts(rules, { ...record }));
  return {
    lines: (events) => events.flatMap((event) => buckets.add(event, Date.now())).join(''),
    due: (all) => (all ? buckets.flush() : buckets.expire(Date.now())).join(''),
    get keptSince() {
      return buckets.keptSince;
    },
  };
}
