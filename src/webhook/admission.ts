import { type Operation, patchOf } from './patch.ts';

/** The versions of AdmissionReview that are answered, each in its own: SPO's configurations ask in v1beta1. */
const VERSIONS = ['admission.k8s.io/v1', 'admission.k8s.io/v1beta1'];

interface AdmissionRequest {
  readonly uid: string;
  readonly operation: string;
  readonly namespace?: string;
  readonly object?: unknown;
  readonly oldObject?: unknown;
  readonly subResource?: string;
  readonly dryRun?: boolean;
  readonly kind?: { readonly kind?: string };
  readonly resource?: { readonly group?: string; readonly resource?: string };
}

export interface Review {
  readonly apiVersion: string;
  readonly request: AdmissionRequest;
}

/** @returns undefined where it is no review that can be answered. */
export function readReview(body: unknown): Review | undefined {
  const { apiVersion, kind, request } = (body ?? {}) as Record<string, unknown>;
  const { uid, operation } = (request ?? {}) as Record<string, unknown>;
  const known = typeof apiVersion === 'string' && VERSIONS.includes(apiVersion) && kind === 'AdmissionReview';
  if (!known || typeof uid !== 'string' || typeof operation !== 'string') return undefined;
  return { apiVersion, request: request as AdmissionRequest };
}

/** What a client is told at most, by the API server's own limits: it cuts off the rest, in the middle of a sentence. */
const LONGEST_WARNING = 256;
const MOST_WARNINGS = 8;

/** What else an answer says. */
export interface Note {
  /** Where something is changed. */
  readonly message?: string;
  /** For the API server's audit log. */
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

/** Lets the object in, as `after`. */
export function allow(
  { apiVersion, request }: Review,
  after: unknown,
  warnings: readonly string[] = [],
  { message, auditAnnotations }: Note = {},
): object {
  const shown = warnings.slice(0, MOST_WARNINGS).map((text) => text.slice(0, LONGEST_WARNING));
  const operations: Operation[] = patchOf(request.object, after);
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64');
  const response = {
    uid: request.uid,
    allowed: true,
    ...(operations.length > 0
      ? { patchType: 'JSONPatch', patch, ...(message !== undefined && { status: { code: 200, message } }) }
      : { status: { code: 200, message: 'pod unchanged' } }),
    ...(auditAnnotations && { auditAnnotations }),
    ...(shown.length > 0 && { warnings: shown }),
  };
  return { apiVersion, kind: 'AdmissionReview', response };
}
