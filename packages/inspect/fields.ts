import { parseArgs } from 'node:util';
import { isUsageProblem, UsageError } from '../../src/cli/usage.ts';
import { endpointFor, LISTED, type Listed } from '../../src/datatrics/endpoints.ts';
import { DatatricsError } from '../../src/datatrics/errors.ts';
import { typeNameOf } from '../../src/datatrics/keys.ts';
import type { MaskedType } from '../../src/datatrics/masking.ts';
import { Conversion } from '../../src/datatrics/records/conversion.ts';
import type { CustomFields } from '../../src/datatrics/records/custom-fields.ts';
import { type DatatricsRecord, decodeRecord } from '../../src/datatrics/records/record.ts';
import { readPage } from '../../src/datatrics/responses.ts';
import { TransportError } from '../../src/upstream/errors.ts';
import { openApi, type ReadOnlyApi } from './api.ts';
import { FieldObserver, type Proposal } from './field-observer.ts';

const HELP = `Proposes declarations for the undocumented fields of a project's records, as YAML for the GATEWAY_CONFIG file.

Usage: npm run -s fields -- [options]

Reads records and never writes. The output has names, types and counts, but no values of records. The gateway's settings
name the project; without DATATRICS_URL, the command reads the embedded sandbox.

Options:
  --project ID   read another project of the settings
  --pages N      pages of 100 records to read from each list, at equal distances: 1 to 50 (default: 5)
  --min PERCENT  omit fields that a smaller share of the records has, 0 to 100 (default: 1)
  --json         print one JSON object instead of YAML
  --help         print this text

Example:
  npm run -s fields -- --pages 20 --min 5

Exit codes:
  0  success
  2  wrong usage, or the API is unreachable
`;

const PAGE_ROWS = 100;

/** Reads pages at equal distances, since all records of the first pages may come from one source. */
async function observe(api: ReadOnlyApi, list: Listed, pages: number, observers: Observers): Promise<void> {
  const requested = list.type && { type: list.type };
  const endpoint = endpointFor(list.resource, 'list');
  const read = async (page: number): Promise<number> => {
    const response = await api.get(endpoint, { type: list.type, limit: PAGE_ROWS, page });
    const { rows, total } = readPage(response);
    for (const raw of rows) {
      let record: DatatricsRecord;
      try {
        record = decodeRecord<DatatricsRecord>(api.recordTypes[list.resource], raw, { source: '-', ...requested }, api);
      } catch {
        // A row without a key is not a record.
        continue;
      }
      observers[typeNameOf(list.resource)].add(record.attributes);
      if (!(record instanceof Conversion)) continue;
      for (const line of record.items) observers.ConversionItem.add(line.attributes);
    }
    return total ?? rows.length;
  };
  const last = Math.ceil((await read(1)) / PAGE_ROWS);
  const spread = Array.from({ length: pages - 1 }, (_, i) => 1 + Math.round(((i + 1) * (last - 1)) / (pages - 1)));
  for (const page of new Set(spread.filter((page) => page > 1))) await read(page);
}

type Observers = Readonly<Record<MaskedType, FieldObserver>>;

function createObservers(): Observers {
  return {
    Profile: new FieldObserver('Profile'),
    Content: new FieldObserver('Content'),
    Conversion: new FieldObserver('Conversion'),
    ConversionItem: new FieldObserver('ConversionItem'),
    Interaction: new FieldObserver('Interaction'),
  };
}

interface TypeReport {
  readonly type: MaskedType;
  readonly records: number;
  readonly proposals: readonly Proposal[];
}

function renderYaml(reports: readonly TypeReport[], declared: CustomFields, api: ReadOnlyApi): string {
  const lines = [
    `# Undocumented fields of project ${api.project}, found by ${api.calls()} calls. Delete the fields that you do not need,`,
    '# and rename the others as you like. “personal” is a guess: check whether a field holds personal data.',
  ];
  const body = reports.flatMap(({ type, records, proposals }) => {
    const old = Object.entries(declared[type] ?? {}).map(([name, field]) => `    ${name}: ${flow(field)} # declared`);
    const fresh = proposals.map((proposal) => renderProposal(proposal, records));
    if (old.length + fresh.length === 0) return [];
    const isEmpty = old.length === 0 && proposals.every(({ field }) => field === null);
    return [`  ${type}:${isEmpty ? ' {}' : ''} # ${records} records read`, ...old, ...fresh];
  });
  return `${[...lines, body.length === 0 ? 'customFields: {}' : 'customFields:', ...body].join('\n')}\n`;
}

function renderProposal({ from, count, looks, field, reason }: Proposal, records: number): string {
  const seen = [...looks].map(([look, times]) => `${look} ${times}`).join(', ');
  const share = `${Math.round((count / records) * 1000) / 10} %: ${seen}`;
  if (field === null) return `    # ${JSON.stringify(from)} stays an attribute (${reason}); in ${share}`;
  const { name, ...rest } = field;
  return `    ${name}: ${flow(rest)} # in ${share}`;
}

/** Renders values as JSON, which is valid YAML for any name. */
function flow(field: object): string {
  const parts = Object.entries(field).map(
    ([key, value]) => `${key}: ${key === 'type' ? value : JSON.stringify(value)}`,
  );
  return `{${parts.join(', ')}}`;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      project: { type: 'string' },
      pages: { type: 'string', default: '5' },
      min: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const pages = Number(values.pages);
  if (!Number.isInteger(pages) || pages < 1 || pages > 50) {
    throw new UsageError(`--pages must be a whole number from 1 to 50, not "${values.pages}".`);
  }
  const min = Number(values.min);
  if (values.min.trim() === '' || !(min >= 0 && min <= 100)) {
    throw new UsageError(`--min must be a number from 0 to 100, not "${values.min}".`);
  }
  return { ...values, pages, min };
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const api = await openApi(options.project);
  try {
    const observers = createObservers();
    for (const list of LISTED) await observe(api, list, options.pages, observers);
    const reports = Object.values(observers).map((observer): TypeReport => {
      const { type, records } = observer;
      const enough = ({ count }: Proposal): boolean => count * 100 >= records * options.min;
      return { type, records, proposals: observer.propose(api.customFields[type]).filter(enough) };
    });
    if (!options.json) process.stdout.write(renderYaml(reports, api.customFields, api));
    else {
      const plain = reports.map(({ type, records, proposals }) => ({
        type,
        records,
        fields: proposals.map((proposal) => ({ ...proposal, looks: Object.fromEntries(proposal.looks) })),
      }));
      process.stdout.write(`${JSON.stringify({ project: api.project, calls: api.calls(), types: plain })}\n`);
    }
  } finally {
    await api.close();
  }
}

main().catch((error) => {
  const isUpstream = error instanceof TransportError || error instanceof DatatricsError;
  if (!isUpstream && !isUsageProblem(error)) throw error;
  process.stderr.write(`${error.message}\n\nSee npm run fields -- --help.\n`);
  process.exitCode = 2;
});
