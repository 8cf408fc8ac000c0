import { SyscribeError } from '../platform/errors.ts';

/** What whoever asked can do about it: the one place where answers of the API server are told apart. */
export type KubeErrorKind =
  | 'notFound'
  /** Somebody else wrote first: read again. */
  | 'conflict'
  | 'alreadyExists'
  /** The version, or the rest of the list, is no longer kept: list again. */
  | 'gone'
  /** The request is wrong, and will be next time. */
  | 'invalid'
  | 'forbidden'
  | 'unauthorized'
  | 'throttled'
  /** The server is away, in trouble, or answers nonsense: again later. */
  | 'retryable'
  | 'terminal';

/** What is read of `metav1.Status`. */
export interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
}

interface Facts {
  readonly status?: number | undefined;
  readonly reason?: string | undefined;
  readonly retryAfter?: number | undefined;
  readonly cause?: unknown;
}

/** A request to the API server that failed. Its text holds no headers, and nothing of a body but a Status' message. */
export class KubeError extends SyscribeError {
  readonly kind: KubeErrorKind;
  /** HTTP's; undefined where there was no answer. */
  readonly status: number | undefined;
  /** The Status' reason, `NotFound` for example. */
  readonly reason: string | undefined;
  /** Milliseconds that the server wants to be left alone. */
  readonly retryAfter: number | undefined;

  constructor(kind: KubeErrorKind, message: string, { status, reason, retryAfter, cause }: Facts = {}) {
    const remedy = REMEDIES[kind];
    super('ERR_KUBE_REQUEST', message, { cause, ...(remedy !== undefined && { remedy }) });
    this.kind = kind;
    this.status = status;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

const REMEDIES: Partial<Record<KubeErrorKind, string>> = {
  forbidden: 'Give the user or service account that right: kubectl auth can-i tells what it may do.',
  unauthorized: 'Check the credentials of the kubeconfig or service account.',
};

export function isKube(error: unknown, ...kinds: readonly KubeErrorKind[]): error is KubeError {
  return error instanceof KubeError && (kinds.length === 0 || kinds.includes(error.kind));
}

/** Nobody answered, and whoever asked does not want a server in trouble to be left alone ({@link postponed}). */
export function isUnanswered(error: unknown): boolean {
  return isKube(error, 'retryable') && error.status === undefined && error.retryAfter === undefined;
}

/** The same, and not to be tried again within so many milliseconds. */
export function postponed(error: KubeError, milliseconds: number): KubeError {
  const { kind, message, status, reason, cause, retryAfter = 0 } = error;
  return new KubeError(kind, message, { status, reason, cause, retryAfter: Math.max(retryAfter, milliseconds) });
}

/**
 * An answer that is none of success, or an ERROR event of a watch.
 * @param retryAfter the header of that name: seconds, or a date.
 */
export function errorOfStatus(what: string, code: number, status: Status = {}, retryAfter?: string): KubeError {
  const { message = `the server answered ${code}`, reason, details } = status;
  return new KubeError(kindOf(code, reason), `${what}: ${message}`, {
    status: code,
    reason,
    retryAfter: millisecondsOf(retryAfter) ?? millisecondsOf(details?.retryAfterSeconds?.toString()),
  });
}

/**
 * No answer, or half of one. Certificates that do not fit count too: an expired one will be renewed, and what is wrong in
 * a kubeconfig is told by the message.
 */
export function errorOfConnection(what: string, cause: unknown): KubeError {
  const { message, code } = cause as NodeJS.ErrnoException;
  // Refused at every address of a name, Node's error has a code and no text.
  return new KubeError('retryable', `${what}: ${message || code || cause}`, { cause });
}

function kindOf(code: number, reason: string | undefined): KubeErrorKind {
  if (code === 409) return reason === 'AlreadyExists' ? 'alreadyExists' : 'conflict';
  if (code >= 500 && code !== 501) return 'retryable';
  return KINDS[code] ?? 'terminal';
}

const KINDS: Readonly<Record<number, KubeErrorKind>> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  408: 'retryable',
  410: 'gone',
  413: 'invalid',
  422: 'invalid',
  429: 'throttled',
};

function millisecondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const milliseconds = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}
