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
  /** Webhooks by name, with whether they know whom to trust. */
  readonly webhooks: readonly { readonly name: string; readonly trusted: boolean }[] | undefined;
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

const WEBHOOKS = ['recording.spo.io', 'binding.spo.io'];

/** What keeps this cluster from recording and enforcing, and what to do. */
export function examine(findings: Findings): Check[] {
  return [
    kinds(findings),
    ...deployments(findings),
    agents(findings),
    settings(findings),
    ...webhooks(findings),
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
