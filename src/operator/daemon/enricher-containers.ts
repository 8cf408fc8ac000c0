import type { Daemon } from '../../api/types.ts';
import { AUDIT, type Environment, securityContext } from './daemon-set.ts';
import { enrichersOf, logFileOf } from './settings.ts';
import { LOG_VOLUME, mount, mountsOf } from './volumes.ts';

type Spec = Daemon['spec'];

const [LOG, JSON_LINES] = ['log-enricher', 'json-enricher'] as const;

/** All that there may be, by SPO's names. */
export const ENRICHERS: readonly string[] = [LOG, JSON_LINES];

export function enricherNames(spec: Spec): string[] {
  const { log, json } = enrichersOf(spec);
  return [...(log ? [LOG] : []), ...(json ? [JSON_LINES] : [])];
}

/** SPO's log enricher and JSON enricher: containers that write what the audit log says to their standard output, or to a file. */
export function enricherContainers(spec: Spec, environment: Environment): object[] {
  const { log, json } = enrichersOf(spec);
  const { logEnricherFilters, jsonEnricherFilters, jsonEnricherOptions = {} } = spec.enricher ?? {};
  const path = jsonEnricherOptions.auditLogPath || undefined;
  const file = path === undefined ? undefined : logFileOf(path);
  const more = file === undefined ? [] : [mount(LOG_VOLUME, file.directory)];
  return [
    ...(log ? [container(LOG, spec, environment, ['--output=spo-log', ...filter(logEnricherFilters)], [])] : []),
    ...(json
      ? [
          container(
            JSON_LINES,
            spec,
            environment,
            ['--output=spo-json', ...jsonArguments(jsonEnricherOptions, path), ...filter(jsonEnricherFilters)],
            more,
          ),
        ]
      : []),
  ];
}

function container(
  name: string,
  spec: Spec,
  { image, imagePullPolicy }: Environment,
  args: readonly string[],
  mounts: readonly object[],
): object {
  const enrichers = enrichersOf(spec);
  const { netlink } = enrichers;
  return {
    name,
    image,
    ...(imagePullPolicy !== undefined && { imagePullPolicy }),
    args: ['audit', ...args, ...(netlink ? ['--source=netlink'] : []), '--node=$(NODE_NAME)'],
    env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    resources: { requests: { cpu: '20m', memory: '100Mi' }, limits: { memory: '256Mi' } },
    securityContext: securityContext(spec, [
      'BPF',
      'PERFMON',
      'SYS_PTRACE',
      'DAC_READ_SEARCH',
      ...(netlink ? AUDIT : []),
    ]),
    volumeMounts: [...mountsOf(enrichers, '/sys/fs/cgroup', true), ...mounts],
  };
}

type JsonOptions = NonNullable<NonNullable<Spec['enricher']>['jsonEnricherOptions']>;

function jsonArguments(
  { auditLogIntervalSeconds = 60, auditLogMaxSize = 100, auditLogMaxBackups = 0, auditLogMaxAge = 0 }: JsonOptions,
  path: string | undefined,
): string[] {
  const interval = `--interval=${auditLogIntervalSeconds}s`;
  if (path === undefined) return [interval];
  return [
    interval,
    `--out-file=${path}`,
    `--max-size=${auditLogMaxSize}M`,
    ...(auditLogMaxBackups > 0 ? [`--max-files=${auditLogMaxBackups}`] : []),
    ...(auditLogMaxAge > 0 ? [`--max-age=${auditLogMaxAge}d`] : []),
  ];
}

/** kubelet would put a variable's value in place of `$(NAME)`. */
function filter(text = ''): string[] {
  return text.trim() === '' ? [] : [`--filter=${text.replaceAll('$(', '$$$$(')}`];
}
