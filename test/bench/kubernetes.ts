/** The part of `make bench` that needs a cluster; by itself, it prints its section and writes it alone. */
import { readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { reasonToSkip } from '../system/cluster/use.ts';
import { type Kubernetes, kubernetesSection } from './kubernetes-report.ts';

const PAGE = new URL('../../docs/benchmarks.md', import.meta.url);
const HEAD = '## Kubernetes\n';

/** @returns the section, or why there is none. */
export async function measureKubernetes(): Promise<string> {
  const reason = reasonToSkip();
  if (reason !== undefined) return `${HEAD}\nNot measured: ${reason}.\n`;
  const loads = [loadavg()[0] ?? 0];
  const { measureNode } = await import('./kubernetes-node.ts');
  const { measureScale } = await import('./kubernetes-scale.ts');
  const { measureSpread } = await import('./kubernetes-spread.ts');
  const node = await measureNode();
  loads.push(loadavg()[0] ?? 0);
  const scale = await measureScale();
  loads.push(loadavg()[0] ?? 0);
  const spread = await measureSpread();
  loads.push(loadavg()[0] ?? 0);
  const measured: Kubernetes = { node, scale, spread, loads };
  return `${HEAD}\n${kubernetesSection(measured)}`;
}

/** The page with this section in place of the one that it has, or behind all others. */
function withSection(page: string, section: string): string {
  const begin = page.indexOf(HEAD);
  if (begin < 0) return `${page}\n${section}`;
  const next = page.indexOf('\n## ', begin);
  return page.slice(0, begin) + section + (next < 0 ? '' : page.slice(next));
}

if (import.meta.main) {
  const section = await measureKubernetes();
  process.stdout.write(section);
  writeFileSync(PAGE, withSection(readFileSync(PAGE, 'utf8'), section));
}
