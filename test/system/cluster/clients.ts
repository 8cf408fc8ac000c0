import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../support/syscribe.ts';
import type { InstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import { has } from './watched.ts';
import { GROUP } from './webhooks.ts';

const METRICS = 'https://10.97.0.1:9443';

/** What those see of it who scrape it, or speak an older version of the API. */
export function clientTests(cluster: InstalledCluster): void {
  test(
    'metrics, to those who may have them: both paths, by HTTP/1.1, counters never go back',
    cluster.options,
    async () => {
      const { apply, kubectl } = cluster;
      const token = async (name: string) => {
        await kubectl(['create', 'serviceaccount', name]);
        return (await kubectl(['create', 'token', name])).trim();
      };
      const [may, mayNot] = [await token('scraper'), await token('stranger')];
      const binding = ['clusterrolebinding', 'scraper', '--clusterrole=spo-metrics-client'];
      await kubectl(['create', ...binding, '--serviceaccount=default:scraper']);
      const scrape = async (path: string, bearer: string) => {
        const said = ['-w', '\n%{http_version} %{http_code}', '-H', `Authorization: Bearer ${bearer}`];
        const { stdout, stderr } = await run('curl', '-sSk', ...said, `${METRICS}${path}`);
        assert.equal(stderr, '');
        return stdout;
      };
      const ended = (text: string) => text.split('\n').at(-1);
      for (const path of ['/metrics', '/metrics-spod']) {
        assert.equal(ended(await scrape(path, may)), '1.1 200', path);
        assert.equal(ended(await scrape(path, mayNot)), '1.1 403', path);
        assert.equal(ended(await scrape(path, 'nonsense')), '1.1 401', path);
      }
      const before = [await scrape('/metrics', may), await scrape('/metrics-spod', may)].flatMap(counters);
      await apply(
        namespace('metrics'),
        recording('metrics', 'counted'),
        pod('metrics', 'one', 'counted', podSpec([{ name: 'c', script: 'mkdir /tmp/x; while :; do sleep 0.1; done' }])),
      );
      await cluster.eyes.profiles.until('counted-c', has('mkdir'));
      const spod = await scrape('/metrics-spod', may);
      const after = new Map([await scrape('/metrics', may), spod].flatMap(counters));
      for (const [name, value] of before) assert.ok((after.get(name) ?? value) >= value, name);
      const bpf = /seccomp_profile_bpf_total\{node="node-1",mount_namespace="",profile="counted_c_one"\} (\d+)/.exec(
        spod,
      );
      assert.ok(Number(bpf?.[1]) > 10, spod);
      const scrapes = 'promhttp_metric_handler_requests_total{code="200"}';
      assert.ok((after.get(scrapes) ?? 0) > (new Map(before).get(scrapes) ?? 0));
    },
  );

  test(
    'a recording in the words of an older version makes profiles that all versions tell',
    cluster.options,
    async () => {
      const { apply, kubectl, remove } = cluster;
      const old = {
        ...recording('graduated', 'old', { recorder: 'bpf', mergeStrategy: 'containers', snapshotInterval: undefined }),
        apiVersion: `${GROUP}/v1alpha1`,
      };
      await apply(namespace('graduated'), old);
      const get = async (...what: string[]) => JSON.parse(await kubectl(['get', ...what, '-o', 'json']));
      const said = async (version: string) => {
        const { spec } = await get(`profilerecordings.${version}.${GROUP}`, 'old', '-n', 'graduated');
        return [spec.recorder, spec.mergeStrategy];
      };
      assert.deepEqual(await said('v1'), ['Bpf', 'Containers']);
      assert.deepEqual(await said('v1alpha1'), ['bpf', 'containers']);
      await apply(pod('graduated', 'one', 'old', podSpec([{ name: 'c', script: 'mkdir /tmp/x' }])));
      await cluster.ended('graduated/one');
      await cluster.eyes.recordings.until('graduated/old', ({ status }) => status?.containers?.[0]?.done === 1);
      await remove('-n', 'graduated', 'profilerecording', 'old');
      const profile = await cluster.final('old-c');
      const coverage = JSON.parse(profile.metadata.annotations?.['spo.x-k8s.io/syscall-coverage'] ?? '{}');
      assert.deepEqual([coverage.version, coverage.total, coverage.syscalls.mkdir], ['v1', 1, 1]);
      const older = await get(`seccompprofiles.v1beta1.${GROUP}`, 'old-c');
      assert.deepEqual([older.apiVersion, older.spec], [`${GROUP}/v1beta1`, profile.spec]);
      await apply({ ...older, metadata: { name: 'written' } });
      assert.deepEqual((await get(`seccompprofiles.v1.${GROUP}`, 'written')).spec, profile.spec);
    },
  );
}

/** Series of counters, with their values. */
function counters(text: string): [series: string, value: number][] {
  const names = new Set([...text.matchAll(/^# TYPE (\S+) counter$/gm)].map(([, name]) => name));
  return text.split('\n').flatMap((line): [string, number][] => {
    const [, series = '', name, value] = /^((\w+)(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    return names.has(name) ? [[series, Number(value)]] : [];
  });
}
