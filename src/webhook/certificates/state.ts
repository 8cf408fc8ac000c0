import type { Pair } from './issue.ts';

/** The certificate that is served; cert-manager writes a Secret of the same shape. */
export const LEAF_SECRET = 'webhook-server-cert';
/** The authorities: ours alone, and only the leader's business. */
export const AUTHORITY_SECRET = 'webhook-ca';

/** A Secret's `data`: base64. */
export type SecretData = Readonly<Record<string, string>>;

export interface Authorities {
  /** Who has signed what is served. Without a key where only its certificate is left. */
  readonly signer: { readonly cert: string; readonly key?: string };
  /** Who will: trusted by all who call us since then, once that is known. */
  readonly next?: Pair & { readonly trustedSince?: number };
  /** Who did: replaced at that time. */
  readonly previous?: { readonly cert: string; readonly replacedAt: number };
}

export interface State {
  readonly authorities?: Authorities;
  readonly leaf?: Pair;
}

/** What the two Secrets say; what is no use of them is as if it were not there. */
export function readState(authority: SecretData | undefined, leaf: SecretData | undefined): State {
  const served = leaf && pair(leaf, 'tls');
  const authorities = (authority && readAuthorities(authority)) ?? leftOver(leaf);
  return { ...(authorities && { authorities }), ...(served && { leaf: served }) };
}

/** Where somebody has removed the Secret of the authorities, what is served has to stay trusted until it is replaced. */
function leftOver(leaf: SecretData | undefined): Authorities | undefined {
  const cert = leaf && text(leaf, 'ca.crt');
  return cert ? { signer: { cert } } : undefined;
}

function readAuthorities(data: SecretData): Authorities | undefined {
  const cert = text(data, 'ca.crt');
  if (!cert) return undefined;
  const key = text(data, 'ca.key');
  const next = pair(data, 'next');
  const trustedSince = time(data, 'next-trusted-since');
  const previous = text(data, 'previous.crt');
  return {
    signer: { cert, ...(key && { key }) },
    ...(next && { next: { ...next, ...(trustedSince !== undefined && { trustedSince }) } }),
    ...(previous && { previous: { cert: previous, replacedAt: time(data, 'previous-replaced-at') ?? 0 } }),
  };
}

export function authoritySecret({ signer, next, previous }: Authorities): SecretData {
  return encoded({
    'ca.crt': signer.cert,
    'ca.key': signer.key,
    'next.crt': next?.cert,
    'next.key': next?.key,
    'next-trusted-since': iso(next?.trustedSince),
    'previous.crt': previous?.cert,
    'previous-replaced-at': iso(previous?.replacedAt),
  });
}

/** `ca.crt` is the one that signed: what verifies this very certificate. */
export function leafSecret({ cert, key }: Pair, authority: string): SecretData {
  return encoded({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority });
}

/** Who is to be trusted by those who call us: PEM. Sorted, so that who signs can change without a write to all of them. */
export function bundleOf({ signer, next, previous }: Authorities): string {
  const all = [signer.cert, next?.cert, previous?.cert].filter((cert) => cert !== undefined);
  return [...new Set(all)].toSorted().join('');
}

function pair(data: SecretData, name: string): Pair | undefined {
  const [cert, key] = [text(data, `${name}.crt`), text(data, `${name}.key`)];
  return cert && key ? { cert, key } : undefined;
}

function text(data: SecretData, key: string): string | undefined {
  return data[key] === undefined ? undefined : Buffer.from(data[key], 'base64').toString('utf8');
}

function time(data: SecretData, key: string): number | undefined {
  const value = Date.parse(text(data, key) ?? '');
  return Number.isNaN(value) ? undefined : value;
}

function iso(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
}

function encoded(fields: Readonly<Record<string, string | undefined>>): SecretData {
  const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
  return Object.fromEntries(given.map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
}
