import { SyscribeError } from '../../platform/errors.ts';
import { type CertificateMode, publishBundle, type TrustingObject, type TrustStore } from './bundle.ts';
import { newAuthority, newLeaf, type Pair } from './issue.ts';
import { type PlanSettings, plan, type Step } from './plan.ts';
import {
  AUTHORITY_SECRET,
  type Authorities,
  authoritySecret,
  bundleOf,
  LEAF_SECRET,
  leafSecret,
  readState,
  type SecretData,
  type State,
} from './state.ts';

export interface SecretStore {
  /** @returns undefined where there is no such Secret. */
  read(name: string): Promise<SecretData | undefined>;
  /** Replaces `data`. @throws where somebody else has written since it was read. */
  write(name: string, data: SecretData): Promise<void>;
}

export interface RotationCollaborators {
  readonly secrets: SecretStore;
  readonly trust: TrustStore;
  /** Who calls us: the webhook configurations and the CustomResourceDefinitions. */
  readonly objects: readonly TrustingObject[];
}

export interface RotationSettings extends PlanSettings {
  readonly mode?: CertificateMode;
  readonly now?: () => number;
}

const MOST_STEPS = 10; // A whole rotation has six.

/**
 * Brings certificates to where they should be now, step by step; the leader's work. Ended anywhere, the next call goes
 * on from what is written.
 * @returns when to call again, milliseconds since 1970; undefined where cert-manager does all this.
 * @throws what the stores throw; SyscribeError ERR_CERTIFICATE where certificates are no use as soon as they are made.
 */
export async function rotate(
  { secrets, trust, objects }: RotationCollaborators,
  settings: RotationSettings,
): Promise<number | undefined> {
  const { mode = 'own', now = Date.now } = settings;
  if (mode === 'cert-manager') return undefined;
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    const state = readState(await secrets.read(AUTHORITY_SECRET), await secrets.read(LEAF_SECRET));
    // Before the step: what a step relies on is what everybody has been told by then.
    if (state.authorities) await publishBundle(trust, objects, bundleOf(state.authorities), mode);
    const time = now();
    const step = plan(time, state, settings);
    if (step.do === 'wait') return step.until;
    const { authorities, leaf } = await carryOut(step, state, settings.names, time);
    if (authorities) await secrets.write(AUTHORITY_SECRET, authoritySecret(authorities));
    if (leaf) await secrets.write(LEAF_SECRET, leafSecret(leaf, leaf.authority));
  }
  throw new SyscribeError('ERR_CERTIFICATE', `the webhooks’ certificate is no use for ${settings.names.join(', ')}`, {
    remedy: 'Have a look at these names, and at who else writes to the Secrets.',
  });
}

interface Written {
  readonly authorities?: Authorities;
  readonly leaf?: Pair & { readonly authority: string };
}

async function carryOut(
  step: Exclude<Step, { do: 'wait' }>,
  { authorities }: State,
  names: readonly string[],
  now: number,
): Promise<Written> {
  if (step.do === 'begin' || authorities === undefined) return { authorities: { signer: await newAuthority(now) } };
  const { signer, next } = authorities;
  switch (step.do) {
    case 'prepare':
      return { authorities: { ...authorities, next: await newAuthority(now) } };
    case 'note-trust':
      return next ? { authorities: { ...authorities, next: { ...next, trustedSince: now } } } : {};
    case 'issue': {
      const { cert, key = '' } = (step.by === 'next' ? next : signer) ?? signer;
      return { leaf: { ...(await newLeaf({ cert, key }, names, now)), authority: cert } };
    }
    case 'switch': {
      if (next === undefined) return {};
      const { cert, key } = next;
      return { authorities: { signer: { cert, key }, previous: { cert: signer.cert, replacedAt: now } } };
    }
    case 'forget':
      return { authorities: { signer } };
  }
}
