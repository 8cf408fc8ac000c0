import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { customResource, type Resource } from '../../../src/kube/object.ts';
import { DEFINITIONS, DEPLOYMENTS, POLICIES, POLICY_BINDINGS } from '../../../src/kube/resources.ts';
import { examine } from '../../../src/kubectl/checks.ts';
import { findOut } from '../../../src/kubectl/findings.ts';
import { elsewhere, misdirected, missingPolicies, unconverted } from '../../../src/kubectl/shared.ts';
import { serve } from '../../support/kube.ts';

const GROUP = 'security-profiles-operator.x-k8s.io';
const PROFILES = customResource('seccompprofiles', 'SeccompProfile', false);
const OLD: Resource = { ...PROFILES, version: 'v1beta1' };
const SERVED = new Map([['seccompprofiles', ['v1', 'v1beta1']]]);
const FAILS = {
  status: 500,
  body: JSON.stringify({ kind: 'Status', message: 'conversion webhook for SeccompProfile failed: no service' }),
};

type Manifest = { kind: string; metadata: { name: string } } & Record<string, unknown>;

/** An API server with all that deploy/ has of these types. */
async function deployed(context: TestContext, ...resources: Resource[]) {
  const cluster = await serve(context);
  const manifests = globSync('deploy/{base,crds,webhook}/*.yaml').flatMap((file) =>
    parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as Manifest),
  );
  for (const resource of resources)
    for (const manifest of manifests) if (manifest.kind === resource.kind) cluster.server.put(resource, manifest);
  return cluster;
}

test('definitions that have their objects converted elsewhere, or not at all, are named', async (context) => {
  const { server, client } = await deployed(context, DEFINITIONS);
  assert.deepEqual(await misdirected(client), []);
  const put = (plural: string, conversion: object) =>
    server.put(DEFINITIONS, { metadata: { name: `${plural}.${GROUP}` }, spec: { conversion } });
  put('seccompprofiles', { strategy: 'Webhook', webhook: { clientConfig: { service: { namespace: 'spo2' } } } });
  put('profilebindings', { strategy: 'None' });
  assert.deepEqual((await misdirected(client)).toSorted(), [
    'profilebindings are not converted',
    'seccompprofiles are converted by the namespace spo2',
  ]);
});

test('an object is read in its older version; what the API server says where that fails is shown', async (context) => {
  const { server, client } = await serve(context);
  assert.deepEqual(await unconverted(client, SERVED), [], 'there is nothing to convert');
  server.put(PROFILES, { metadata: { name: 'web' } });
  server.put(OLD, { metadata: { name: 'web' } });
  assert.deepEqual(await unconverted(client, SERVED), []);
  server.fail(({ path }) => path.includes('/v1beta1/seccompprofiles/web'), FAILS);
  const [failure, ...others] = await unconverted(client, SERVED);
  assert.match(failure ?? '', /seccompprofiles\/web: conversion webhook for SeccompProfile failed: no service/);
  assert.deepEqual(others, []);
  server.fail(({ path }) => path.endsWith('/v1/seccompprofiles'), FAILS);
  assert.match((await unconverted(client, SERVED))[0] ?? '', /conversion webhook/, 'what is stored in the older one');
  server.fail(({ path }) => path.includes('/v1beta1/'), { status: 403 });
  await assert.rejects(unconverted(client, SERVED), { kind: 'forbidden' });
});

test('every policy of deploy has to be there, with its binding', async (context) => {
  const { server, client } = await deployed(context, POLICIES, POLICY_BINDINGS);
  assert.deepEqual(await missingPolicies(client), []);
  server.remove(POLICIES, 'uninstall-first.spo.io');
  server.remove(POLICY_BINDINGS, 'agents.spo.io');
  assert.deepEqual(await missingPolicies(client), ['agents.spo.io', 'uninstall-first.spo.io']);
  const names = server.objects.all('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies');
  for (const { metadata } of names) server.remove(POLICIES, metadata.name);
  assert.equal((await missingPolicies(client)).length, names.length + 1, 'none of them is forgotten here');
});

test('Deployments of an installation in other namespaces are named, others of that label are not', async (context) => {
  const { server, client } = await deployed(context, DEPLOYMENTS);
  assert.deepEqual(await elsewhere(client), []);
  const labels = { app: 'security-profiles-operator' };
  server.put(DEPLOYMENTS, { metadata: { name: 'mine', namespace: 'shop', labels } });
  server.put(DEPLOYMENTS, { metadata: { name: 'security-profiles-operator', namespace: 'spo2', labels } });
  assert.deepEqual(await elsewhere(client), ['spo2']);
});

test('where nobody converts what is stored in an older version, doctor still says so', async (context) => {
  const { server, client } = await serve(context);
  server.fail(({ path }) => path.endsWith('/v1/profilerecordings'), FAILS);
  server.fail(({ path }) => path.endsWith('/spod'), { status: 404 });
  const findings = await findOut(client);
  assert.deepEqual(findings.unlabelled, []);
  assert.ok(examine({ ...findings, unconverted: ['it failed'] }).some(({ name }) => name === 'conversion'));
});
