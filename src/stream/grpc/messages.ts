import protobuf from 'protobufjs';
import { loadProto, serviceOf } from '../../platform/grpc.ts';
import type { EnrichedEvent } from '../event.ts';

const ROOT = loadProto(new URL('./audit.proto', import.meta.url));
const EVENT = ROOT.lookupType('syscribe.audit.v1.Event');
/** Keys of WatchResponse's fields: number and wire type. */
const EVENTS_KEY = (1 << 3) | 2;
const MISSED_KEY = 2 << 3;

const { Watch, ...others } = serviceOf(ROOT, 'syscribe.audit.v1.Audit');
if (!Watch) throw new TypeError('audit.proto has no Watch');

/** The service; its responses are made by {@link encodeResponse}. */
export const AUDIT_SERVICE = { ...others, Watch: { ...Watch, responseSerialize: (bytes: Buffer) => bytes } };

/** One event as it stands in a response: encoded once, however many clients want it. */
export function encodeEvent(event: EnrichedEvent): Uint8Array {
  const bytes = EVENT.encode(EVENT.fromObject(event)).finish();
  return protobuf.Writer.create().uint32(EVENTS_KEY).bytes(bytes).finish();
}

/** A WatchResponse; the fields of a message may stand one after another as they are. */
export function encodeResponse(events: readonly Uint8Array[], missed: number): Buffer {
  return Buffer.concat([...events, protobuf.Writer.create().uint32(MISSED_KEY).uint64(missed).finish()]);
}
