import type { AuditEvent } from '../../../../src/capture/audit/event.ts';
import { blockOf } from '../../../../src/capture/audit/fields.ts';
import { AuditParser, type ParseCounts } from '../../../../src/capture/audit/parser.ts';

/** What the parser makes of a log's text (latin1), with what it counted. */
export function parse(text: string | Buffer): { events: AuditEvent[]; counts: ParseCounts; parser: AuditParser } {
  const parser = new AuditParser();
  const events: AuditEvent[] = [];
  parser.parseLines(blockOf(Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1')), events);
  parser.flush(events);
  return { events, counts: parser.counts, parser };
}
