import { OPERATOR } from './names.ts';
import type { PartRights } from './rights.ts';

/** What `doctor` has found out about a cluster. What could not be asked is undefined: the reason is in `unasked`. */
export interface Findings {
  /** Kinds of the API by plural, with the versions that are served; empty: not installed. */
  readonly kinds: ReadonlyMap<string, readonly string[]>;
  readonly wantedKinds: readonly string[];
  readonly agents: { readonly desired: number; readonly ready: number } | undefined;
  readonly nodes: number | undefined;
  /** What the daemon object says is wrong with it; empty: nothing. */
  readonly settings: string | undefined;
  readonly deployments:
    | readonly { readonly name: string; readonly wanted: number; readonly ready: number }[]
    | undefined;
  /** Webhooks by name, with whether they know whom to trust, and the namespace of the Service that is asked. */
  readonly webhooks:
    | readonly { readonly name: string; readonly trusted: boolean; readonly namespace: string }[]
    | undefined;
  /** What service accounts may not do that they have to. */
  readonly rights: readonly PartRights[] | undefined;
  /** Definitions that have their objects converted elsewhere, or not at all. */
  readonly misdirected: readonly string[] | undefined;
  /** What the API server said to reading objects in older versions, where it could not. */
  readonly unconverted: readonly string[] | undefined;
  /** Admission policies that are not in force. */
  readonly missingPolicies: readonly string[] | undefined;
  /** Other namespaces with an installation. */
  readonly elsewhere: readonly string[] | undefined;
  /** Namespaces that may be recorded. */
  readonly recorded: readonly string[] | undefined;
  /** Namespaces with recordings that are not among them. */
  readonly unlabelled: readonly string[];
  /** What was not allowed to be asked. */
  readonly unasked: readonly string[];
}

export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'wrong' | 'unknown';
  readonly text: string;
  readonly remedy?: string;
}

/** Whatever somebody else's manifests have overwritten. */
const AGAIN = 'Apply your installation again: kubectl apply -k deploy, or helm upgrade';
const WEBHOOKS = ['recording.spo.io', 'binding.spo.io'];

/** What keeps this cluster from recording and enforcing, and what to do. */
export function examine(findings: Findings): Check[] {
  return [
    kinds(findings),
    ...deployments(findings),
    agents(findings),
    settings(findings),
    ...webhooks(findings),
    ...rights(findings),
    conversion(findings),
    policies(findings),
    installations(findings),
    namespaces(findings),
    ...findings.unasked.map((what): Check => ({ name: what, state: 'unknown', text: 'you may not see it' })),
  ].filter((check) => check !== undefined);
}

function kinds({ kinds: served, wantedKinds }: Findings): Check {
  const missing = wantedKinds.filter((kind) => !served.get(kind)?.includes('v1'));
  if (missing.length === 0) return { name: 'API', state: 'ok', text: `${wantedKinds.length} kinds are served in v1` };
  return {
    name: 'API',
    state: 'wrong',
    text: `not served in v1: ${missing.join(', ')}`,
    remedy: 'Install it: kubectl apply -k deploy',
  };
}

function deployments({ deployments: found }: Findings): Check[] {
  return (found ?? []).map(({ name, wanted, ready }) => ({
    name,
    state: wanted > 0 && ready >= wanted ? 'ok' : 'wrong',
    text: wanted === 0 ? 'it is not there' : `${ready} of ${wanted} replicas are ready`,
    ...((wanted === 0 || ready < wanted) && {
      remedy: `kubectl -n security-profiles-operator describe pods -l name=${name}`,
    }),
  }));
}

function agents({ agents: found, nodes }: Findings): Check | undefined {
  if (!found) return undefined;
  const { desired, ready } = found;
  const uncovered = nodes === undefined ? 0 : nodes - desired;
  if (ready === desired && desired > 0 && uncovered <= 0)
    return { name: 'agents', state: 'ok', text: `one on each of ${desired} nodes` };
  const text = [
    desired === 0 && 'there are none',
    ready < desired && `${ready} of ${desired} are ready`,
    uncovered > 0 && `${uncovered} nodes of ${nodes} have none`,
  ].filter((part) => typeof part === 'string');
  return {
    name: 'agents',
    state: 'wrong',
    text: text.join('; '),
    remedy:
      'kubectl -n security-profiles-operator describe pods -l name=spod (a node selector or taint keeps it from a node)',
  };
}

function settings({ settings: wrong }: Findings): Check | undefined {
  if (wrong === undefined) return undefined;
  if (wrong === '') return { name: 'settings', state: 'ok', text: 'the daemon object is obeyed' };
  const remedy = 'kubectl -n security-profiles-operator edit spod spod';
  return { name: 'settings', state: 'wrong', text: wrong, remedy };
}

function webhooks({ webhooks: found }: Findings): Check[] {
  if (!found) return [];
  return WEBHOOKS.map((name): Check => {
    const webhook = found.find((one) => one.name === name);
    if (webhook && webhook.namespace !== OPERATOR)
      return {
        name,
        state: 'wrong',
        text: `the API server asks the webhook of the namespace ${webhook.namespace}`,
        remedy:
          'kubectl delete mutatingwebhookconfiguration spo-mutating-webhook-configuration (the operator makes it again)',
      };
    if (webhook?.trusted) return { name, state: 'ok', text: 'it is configured, and trusted' };
    return {
      name,
      state: 'wrong',
      text: webhook ? 'the API server does not know whom to trust (no caBundle)' : 'it is not configured',
      remedy: webhook
        ? 'See the webhook’s log: kubectl -n security-profiles-operator logs -l name=security-profiles-operator-webhook'
        : 'Install it: kubectl apply -k deploy',
    };
  });
}

function rights({ rights: found }: Findings): Check[] {
  return (found ?? []).map(({ part, account, missing }): Check => {
    const name = `rights of the ${part}`;
    if (missing.length === 0) return { name, state: 'ok', text: `${account} has those that it needs` };
    return {
      name,
      state: 'wrong',
      text: `${account} may not: ${missing.join(', ')}`,
      remedy: `${AGAIN}; who has them now: kubectl get clusterrolebinding ${account} -o yaml`,
    };
  });
}

function conversion({ misdirected, unconverted }: Findings): Check | undefined {
  if (!misdirected && !unconverted) return undefined;
  const wrong = [...(misdirected ?? []), ...(unconverted ?? [])];
  if (wrong.length === 0) return { name: 'conversion', state: 'ok', text: 'objects can be had in older versions' };
  const remedy =
    misdirected && misdirected.length > 0
      ? AGAIN
      : 'See the webhook’s log: kubectl -n security-profiles-operator logs -l name=security-profiles-operator-webhook';
  return { name: 'conversion', state: 'wrong', text: wrong.join('; '), remedy };
}

function policies({ missingPolicies: missing }: Findings): Check | undefined {
  if (!missing) return undefined;
  if (missing.length === 0) return { name: 'policies', state: 'ok', text: 'all are in force' };
  return { name: 'policies', state: 'wrong', text: `not in force: ${missing.join(', ')}`, remedy: AGAIN };
}

function installations({ elsewhere }: Findings): Check | undefined {
  if (!elsewhere) return undefined;
  if (elsewhere.length === 0) return { name: 'installations', state: 'ok', text: `none but that in ${OPERATOR}` };
  return {
    name: 'installations',
    state: 'wrong',
    text: `there is another, or a part of one, in ${elsewhere.join(', ')}: a cluster can have one, in ${OPERATOR}`,
    remedy: `Delete it unless it is meant: kubectl -n ${elsewhere[0]} delete deployments,daemonsets -l app=${OPERATOR}`,
  };
}

function namespaces({ recorded, unlabelled }: Findings): Check {
  if (unlabelled.length > 0)
    return {
      name: 'namespaces',
      state: 'wrong',
      text: `recordings wait in namespaces that may not be recorded: ${unlabelled.join(', ')}`,
      remedy: `kubectl label namespace ${unlabelled[0]} spo.x-k8s.io/enable-recording=`,
    };
  const count = recorded?.length ?? 0;
  return { name: 'namespaces', state: 'ok', text: `${count === 0 ? 'none' : recorded?.join(', ')} may be recorded` };
}
