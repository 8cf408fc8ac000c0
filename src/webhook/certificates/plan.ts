import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { State } from './state.ts';

/** The next thing to do about certificates. One at a time: each is a write that may fail, and begins again from there. */
export type Step =
  /** Nothing served is of any use: begin anew. */
  | { readonly do: 'begin' }
  /** Make the authority that comes next; all trust both from then on. */
  | { readonly do: 'prepare' }
  /** Note that all who call us trust both now. */
  | { readonly do: 'note-trust' }
  | { readonly do: 'issue'; readonly by: 'signer' | 'next' }
  /** What is served is the next one's: it is the signer now. */
  | { readonly do: 'switch' }
  /** Nobody serves what the previous one signed. */
  | { readonly do: 'forget' }
  | { readonly do: 'wait'; readonly until: number };

export interface PlanSettings {
  /** Whom the certificate is for. */
  readonly names: readonly string[];
  /** Milliseconds after which everybody has taken over what was written: API servers the bundle, replicas the certificate. */
  readonly settle?: number;
}

const SETTLE = 3_600_000; // milliseconds: nothing is urgent where months are left

/**
 * What to do now, so that at every moment every certificate that may still be served verifies with every bundle that may
 * still be believed: first both authorities everywhere, then the new certificate, then the old authority goes.
 */
export function plan(now: number, { authorities, leaf }: State, { names, settle = SETTLE }: PlanSettings): Step {
  if (authorities === undefined) return { do: 'begin' };
  const { signer, next, previous } = authorities;
  const signs = parse(signer.cert);
  const served = leaf && parse(leaf.cert);
  const serving = served !== undefined && leaf !== undefined && now < ends(served) && fits(served, leaf.key, names);
  const good = (authority: X509Certificate | undefined) =>
    serving && authority !== undefined && isBy(served, authority);
  if (signs === undefined || now >= ends(signs)) return { do: 'begin' };
  if (next !== undefined) {
    const comes = parse(next.cert);
    if (comes === undefined || now >= ends(comes)) return { do: 'prepare' };
    if (next.trustedSince === undefined) return { do: 'note-trust' };
    if (good(comes)) return { do: 'switch' };
    const hurry = !good(signs) && (previous === undefined || !good(parse(previous.cert)));
    if (hurry && signer.key !== undefined) return { do: 'issue', by: 'signer' };
    const ready = next.trustedSince + settle;
    return hurry || now >= ready ? { do: 'issue', by: 'next' } : { do: 'wait', until: ready };
  }
  if (signer.key === undefined) return { do: 'prepare' };
  if (served === undefined || !good(signs)) return { do: 'issue', by: 'signer' };
  // Of an authority that is to be replaced itself there would be a certificate that is due at once.
  if (now >= due(served) && now < due(signs)) return { do: 'issue', by: 'signer' };
  if (previous !== undefined) {
    const gone = previous.replacedAt + settle;
    return now >= gone ? { do: 'forget' } : { do: 'wait', until: gone };
  }
  if (now >= due(signs)) return { do: 'prepare' };
  return { do: 'wait', until: Math.min(due(signs), due(served)) };
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function fits(certificate: X509Certificate, key: string, names: readonly string[]): boolean {
  const covers = (name: string) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined;
  try {
    return certificate.checkPrivateKey(createPrivateKey(key)) && names.every(covers);
  } catch {
    return false;
  }
}

function isBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

const begins = (certificate: X509Certificate) => Date.parse(certificate.validFrom);
const ends = (certificate: X509Certificate) => Date.parse(certificate.validTo);
/** When a certificate is to be replaced: at two thirds of its life. */
const due = (certificate: X509Certificate) => begins(certificate) + ((ends(certificate) - begins(certificate)) * 2) / 3;
