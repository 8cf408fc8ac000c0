import { GROUP } from '../api/crd.ts';
import { CONVERTED_KINDS } from '../api/kinds.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKube } from '../kube/errors.ts';
import { customResource, type KubeObject, type Resource } from '../kube/object.ts';
import { DEFINITIONS, DEPLOYMENTS, POLICIES, POLICY_BINDINGS } from '../kube/resources.ts';
import { all, find } from './list.ts';
import { OPERATOR, WEBHOOK } from './names.ts';

/** Milliseconds for a conversion: a webhook whose address nobody has is waited for. */
const PATIENCE = 10_000;
/** Those of deploy/, by name; startup-taint.spo.io is not of every installation. */
const POLICY_NAMES = [
  'agents.spo.io',
  'not-built.spo.io',
  'one-installation.spo.io',
  'profile-recordings.spo.io',
  'recording-by-logs.spo.io',
  'uninstall-first.spo.io',
];

interface Definition extends KubeObject {
  readonly spec: {
    readonly conversion?: {
      readonly strategy?: string;
      readonly webhook?: { readonly clientConfig?: { readonly service?: { readonly namespace?: string } } };
    };
  };
}

/** Definitions whose objects this installation's webhook is not asked to convert: each with the reason. */
export async function misdirected(client: KubeClient): Promise<string[]> {
  const found = await Promise.all(
    CONVERTED_KINDS.map(async ({ plural }) => {
      const definition = await find<Definition>(client, DEFINITIONS, { name: `${plural}.${GROUP}` });
      // That it is not there is another check's business.
      if (!definition) return [];
      const { strategy, webhook } = definition.spec.conversion ?? {};
      if (strategy !== 'Webhook') return [`${plural} are not converted`];
      const namespace = webhook?.clientConfig?.service?.namespace ?? OPERATOR;
      return namespace === OPERATOR ? [] : [`${plural} are converted by the namespace ${namespace}`];
    }),
  );
  return found.flat();
}

/**
 * Reads an object of each kind in its older version.
 * @param served versions by plural.
 * @returns what the API server said where it could not convert one.
 */
export async function unconverted(
  client: KubeClient,
  served: ReadonlyMap<string, readonly string[]>,
): Promise<string[]> {
  const found = await Promise.all(
    CONVERTED_KINDS.map(async ({ plural, kind, scope }) => {
      const version = served.get(plural)?.find((one) => one !== 'v1');
      if (version === undefined) return [];
      const resource = customResource(plural, kind, scope === 'Namespaced');
      try {
        // One by its name: a list may come from the API server's memory, where it was converted before.
        const one = await firstOf(client, resource);
        if (one) await client.get({ ...resource, version }, one.metadata, { timeout: PATIENCE });
        return [];
      } catch (error) {
        if (isKube(error, 'notFound')) return [];
        if (!isKube(error, 'retryable')) throw error;
        return [error.message];
      }
    }),
  );
  return found.flat();
}

async function firstOf(client: KubeClient, resource: Resource): Promise<KubeObject | undefined> {
  for await (const { items } of client.pages(resource, { limit: 1, timeout: PATIENCE })) return items[0];
  return undefined;
}

/** Whether the API server could not answer for want of a conversion: {@link unconverted} shows it. */
export function isUnconverted(error: unknown): boolean {
  return isKube(error, 'retryable') && /conversion webhook/.test(error.message);
}

/** Admission policies of an installation that are not there, or that no binding puts into force. */
export async function missingPolicies(client: KubeClient): Promise<string[]> {
  const missing = await Promise.all(
    POLICY_NAMES.map(async (name) => {
      const [policy, binding] = await Promise.all(
        [POLICIES, POLICY_BINDINGS].map((one) => find(client, one, { name })),
      );
      return policy && binding ? [] : [name];
    }),
  );
  return missing.flat();
}

/** Other namespaces with Deployments of an installation, SPO's too. */
export async function elsewhere(client: KubeClient): Promise<string[]> {
  const found = await all(client, DEPLOYMENTS, `app=${OPERATOR}`);
  const others = found.filter(
    ({ metadata }) => [OPERATOR, WEBHOOK].includes(metadata.name) && metadata.namespace !== OPERATOR,
  );
  return [...new Set(others.map(({ metadata }) => metadata.namespace ?? ''))];
}
