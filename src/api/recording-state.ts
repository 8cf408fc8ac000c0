/** On a partial profile: what the agent of its node knows of the container, for the operator. */
export const STATE_ANNOTATION = 'spo.x-k8s.io/recording-state';
/** On profiles: the UID of the recording; names are used again. */
export const RECORDING_UID = 'spo.x-k8s.io/recording-uid';

const MOST_REASONS = 20;
const MOST_TEXT = 500;

/** Why a recorded container is not complete. */
export interface StateReason {
  /** One word, for machines. */
  readonly code: string;
  /** One clause, for people. */
  readonly message: string;
}

/** One container of one pod, over all its restarts. */
export interface RecordingState {
  readonly pod: { readonly name: string; readonly uid: string };
  readonly container: string;
  readonly node: string;
  /** Runs of the container that are recorded now. */
  readonly running: number;
  /** Runs that have ended. */
  readonly done: number;
  /** Nothing comes any more: the pod has ended, or the recording was deleted and this is all of it. */
  readonly finished: boolean;
  /** When the newest call was seen first, ISO 8601; absent where nothing was. */
  readonly newest?: string;
  /** Empty: complete. */
  readonly reasons: readonly StateReason[];
}

export function encodeState(state: RecordingState): string {
  const reasons = state.reasons
    .slice(0, MOST_REASONS)
    .map(({ code, message }) => ({ code, message: message.slice(0, MOST_TEXT) }));
  return JSON.stringify({ ...state, reasons });
}

/** @returns undefined for an object without one, or with one that is not what {@link encodeState} writes. */
export function stateOf({
  annotations,
}: {
  readonly annotations?: Readonly<Record<string, string>>;
}): RecordingState | undefined {
  const text = annotations?.[STATE_ANNOTATION];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isState(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isState(value: unknown): value is RecordingState {
  if (!isRecord(value) || !isRecord(value.pod) || !Array.isArray(value.reasons)) return false;
  const texts = [value.pod.name, value.pod.uid, value.container, value.node];
  const counts = [value.running, value.done];
  return (
    texts.every((text) => typeof text === 'string') &&
    counts.every((count) => Number.isSafeInteger(count) && (count as number) >= 0) &&
    typeof value.finished === 'boolean' &&
    (value.newest === undefined || (typeof value.newest === 'string' && !Number.isNaN(Date.parse(value.newest)))) &&
    value.reasons.every((reason) => isRecord(reason) && isText(reason.code) && isText(reason.message))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MOST_TEXT;
}
