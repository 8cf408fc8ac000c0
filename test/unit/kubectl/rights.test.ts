import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { KubeError } from '../../../src/kube/errors.ts';
import { missingRights } from '../../../src/kubectl/rights.ts';

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules: readonly Rule[];
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects: readonly { readonly name: string; readonly namespace: string }[];
}

interface Asked {
  readonly user: string;
  readonly resourceAttributes: {
    readonly verb: string;
    readonly group: string;
    readonly resource: string;
    readonly subresource?: string;
    readonly name?: string;
    readonly namespace: string;
  };
}

const DEPLOYED = globSync('deploy/base/*-rights.yaml').flatMap((file) =>
  parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as Manifest),
);

/** RBAC, as far as these manifests use it. */
function allows(manifests: readonly Manifest[], { user, resourceAttributes: asked }: Asked): boolean {
  const bindings = manifests.filter(
    ({ kind, metadata, subjects = [] }) =>
      kind.endsWith('Binding') &&
      (metadata.namespace === undefined || metadata.namespace === asked.namespace) &&
      subjects.some(({ namespace, name }) => user === `system:serviceaccount:${namespace}:${name}`),
  );
  const resource = asked.subresource ? `${asked.resource}/${asked.subresource}` : asked.resource;
  const rules = bindings.flatMap(({ roleRef, metadata }) =>
    manifests
      .filter((one) => one.kind === roleRef.kind && one.metadata.name === roleRef.name)
      .filter((one) => one.kind === 'ClusterRole' || one.metadata.namespace === metadata.namespace)
      .flatMap((one) => one.rules),
  );
  return rules.some(
    ({ apiGroups = [], resources = [], resourceNames, verbs }) =>
      verbs.includes(asked.verb) &&
      apiGroups.includes(asked.group) &&
      resources.includes(resource) &&
      (!resourceNames || resourceNames.includes(asked.name ?? '')),
  );
}

/** An API server with these roles and bindings, and an operator that may see some namespaces only, if any are given. */
function serverOf(manifests: readonly Manifest[], seen = '') {
  const questions: Asked[] = [];
  const client = {
    get: async () => ({
      spec: { template: { spec: { containers: [{ env: [{ name: 'RESTRICT_TO_NAMESPACE', value: seen }] }] } } },
    }),
    request: async (_method: string, path: string, { body }: { readonly body: { readonly spec: Asked } }) => {
      assert.equal(path, '/apis/authorization.k8s.io/v1/subjectaccessreviews');
      questions.push(body.spec);
      return { status: { allowed: allows(manifests, body.spec) } };
    },
  } as unknown as Parameters<typeof missingRights>[0];
  return { client, questions };
}

const missing = async (client: Parameters<typeof missingRights>[0]) =>
  Object.fromEntries((await missingRights(client)).map((one) => [one.part, one.missing]));

test('what doctor asks about is what deploy gives', async () => {
  assert.deepEqual(await missing(serverOf(DEPLOYED).client), { agents: [], operator: [], webhook: [] });
});

test('whose rights another installation has taken is shown by part, with the rights', async () => {
  const theirs = DEPLOYED.map((one) =>
    one.kind === 'ClusterRoleBinding' && one.metadata.name === 'spod'
      ? { ...one, subjects: one.subjects.map((subject) => ({ ...subject, namespace: 'spo2' })) }
      : one,
  );
  const found = await missing(serverOf(theirs).client);
  assert.deepEqual([found.operator, found.webhook], [[], []]);
  assert.ok(found.agents?.includes('watch pods'), String(found.agents));
  assert.ok(found.agents?.includes('patch securityprofilenodestatuses/status'), String(found.agents));
});

test('a role of the namespace that is gone is missed, too', async () => {
  const left = DEPLOYED.filter(({ kind, metadata }) => kind !== 'RoleBinding' || metadata.name !== 'spo-webhook');
  assert.deepEqual((await missing(serverOf(left).client)).webhook, ['update secrets']);
});

test('of an installation that may see some namespaces, rights in these are asked about', async () => {
  const { client, questions } = serverOf(DEPLOYED, 'shop, db');
  await missingRights(client);
  const of = (resource: string) =>
    new Set(questions.flatMap(({ resourceAttributes: asked }) => (asked.resource === resource ? asked.namespace : [])));
  assert.deepEqual([...of('pods')], ['shop', 'db']);
  assert.deepEqual([...of('seccompprofiles')], ['']);
});

test('who may not ask is not answered', async () => {
  const { client } = serverOf(DEPLOYED);
  const forbidden = async () => {
    throw new KubeError('forbidden', 'no');
  };
  await assert.rejects(missingRights({ ...client, request: forbidden } as typeof client), { kind: 'forbidden' });
});
