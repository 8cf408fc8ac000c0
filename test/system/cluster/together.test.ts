import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import type { Profile } from './watched.ts';

/** Recordings with their pods; TOGETHER=500 is a matter of ten minutes on two processors. */
const COUNT = Number(process.env.TOGETHER ?? 40);
const cluster = useInstalledCluster();
const isPartial = ({ metadata }: Profile) => metadata.labels?.['spo.x-k8s.io/partial'] !== undefined;
const names = ({ spec }: Profile) => (spec.syscalls ?? []).flatMap((rule) => rule.names).sort();

test(`${COUNT} recordings, each with its pod behind it in the same file: every one is whole`, {
  ...cluster.options,
  timeout: 60_000 + COUNT * 4000,
}, async () => {
  const { eyes, apply } = cluster;
  const spec = podSpec([{ name: 'c', script: 'mkdir /tmp/x; ln -s a /tmp/x/b; rm -r /tmp/x' }]);
  const all = Array.from({ length: COUNT }, (_, index) => `r${index}`);
  await apply(namespace('file'), ...all.flatMap((name) => [recording('file', name), pod('file', name, name, spec)]));
  const found = await Promise.all(
    all.map((name) => eyes.profiles.until(`${name}-c`, (profile) => !isPartial(profile))),
  );
  const recordings = await Promise.all(
    all.map((name) => eyes.recordings.until(`file/${name}`, (it) => it.status?.containers?.[0]?.done === 1)),
  );
  const complete = recordings.map(({ metadata, status }) => [metadata.name, status?.containers?.[0]?.complete]);
  assert.deepEqual(
    complete.filter(([, word]) => word !== 'True'),
    [],
  );
  const [first, ...others] = found;
  for (const profile of others) assert.deepEqual(names(profile), names(first as Profile), profile.metadata.name);
  assert.ok(names(first as Profile).includes('symlink'));
});
