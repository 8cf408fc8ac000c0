import { GROUP } from '../api/crd.ts';
import { KINDS } from '../api/kinds.ts';
import { customResource, LEASES, type Resource, SECRETS } from '../kube/object.ts';
import {
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  DAEMON_SETS,
  DEPLOYMENTS,
  DISRUPTION_BUDGETS,
  JOBS,
  MUTATING,
  POLICIES,
  POLICY_BINDINGS,
  ROLE_BINDINGS,
  ROLES,
  SERVICE_ACCOUNTS,
  SERVICES,
  VALIDATING,
} from '../kube/resources.ts';

/** Whatever the installation's namespace is called, these are SPO's names. */
export const OPERATOR = 'security-profiles-operator';
export const WEBHOOK = `${OPERATOR}-webhook`;
export const AGENTS = 'spod';
/** The Job that uninstalls, and its rights. */
export const UNINSTALLER = 'spo-uninstall';

export interface Named {
  readonly resource: Resource;
  readonly name: string;
}

function named(resource: Resource, ...names: string[]): Named[] {
  return names.map((name) => ({ resource, name }));
}

/** Policies about what users write. */
const RULES = ['recording-by-logs.spo.io', 'profile-recordings.spo.io', 'not-built.spo.io'];

/** The policy that refuses to delete what the installation needs, as long as it is there itself. */
export const GUARD = 'uninstall-first.spo.io';

/** What asks us when others make something: first to go, so that nobody waits for an answer that does not come, nor is refused. */
export const GATES: readonly Named[] = [
  ...named(MUTATING, 'spo-mutating-webhook-configuration'),
  ...named(VALIDATING, 'spo-validating-webhook-configuration'),
  ...named(POLICY_BINDINGS, ...RULES, GUARD),
  ...named(POLICIES, ...RULES, GUARD),
];

export const WORKLOADS: readonly Named[] = [...named(DEPLOYMENTS, OPERATOR, WEBHOOK), ...named(DAEMON_SETS, AGENTS)];

/** The rest of the namespace's own: what `deploy/` has, and what the parts make for themselves. */
export const IN_NAMESPACE: readonly Named[] = [
  ...named(SERVICES, 'metrics', 'webhook-service'),
  ...named(DISRUPTION_BUDGETS, OPERATOR, WEBHOOK),
  ...named(SECRETS, 'webhook-server-cert', 'webhook-ca'),
  ...named(LEASES, 'security-profiles-operator-lock', 'security-profiles-operator-webhook-lock'),
  ...named(ROLE_BINDINGS, OPERATOR, AGENTS, 'spo-webhook'),
  ...named(ROLES, OPERATOR, AGENTS, 'spo-webhook'),
  ...named(SERVICE_ACCOUNTS, OPERATOR, AGENTS, 'spo-webhook'),
];

export const CLUSTER_WIDE: readonly Named[] = [
  ...named(CLUSTER_ROLE_BINDINGS, OPERATOR, AGENTS, 'spo-webhook', 'spo-startup-taint'),
  ...named(CLUSTER_ROLES, OPERATOR, AGENTS, 'spo-webhook', 'spo-metrics-client', 'spo-startup-taint'),
  // Behind the rights that they confine.
  ...named(POLICY_BINDINGS, 'agents.spo.io', 'one-installation.spo.io', 'startup-taint.spo.io'),
  ...named(POLICIES, 'agents.spo.io', 'one-installation.spo.io', 'startup-taint.spo.io'),
];

/** Of whoever uninstalls as a Job: it cannot take away what it works by. */
export const OF_THE_UNINSTALLER: readonly Named[] = [
  ...named(CLUSTER_ROLE_BINDINGS, UNINSTALLER),
  ...named(CLUSTER_ROLES, UNINSTALLER),
];
export const UNINSTALLER_IN_NAMESPACE: readonly Named[] = [
  ...named(ROLE_BINDINGS, UNINSTALLER),
  ...named(ROLES, UNINSTALLER),
  ...named(JOBS, UNINSTALLER),
  ...named(SERVICE_ACCOUNTS, UNINSTALLER),
];

/** A kind of ours with the name of its definition. */
export interface OwnKind {
  readonly resource: Resource;
  readonly definition: string;
}

export const OWN_KINDS: readonly OwnKind[] = KINDS.map(({ kind, plural, scope }) => ({
  resource: customResource(plural, kind, scope === 'Namespaced'),
  definition: `${plural}.${GROUP}`,
}));
