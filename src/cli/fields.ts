import { parseArgs } from 'node:util';
import { endpointFor, LISTED, type Listed, type Resource, typeParameter } from '../datatrics/endpoints.ts';
import { DatatricsError } from '../datatrics/errors.ts';
import { FieldObserver, type Proposal } from '../datatrics/field-observer.ts';
import { typeNameOf } from '../datatrics/keys.ts';
import type { MaskedType } from '../datatrics/masking.ts';
import type { Conversion } from '../datatrics/records/conversion.ts';
import type { CustomFields } from '../datatrics/records/custom-fields.ts';
import { readPage } from '../datatrics/responses.ts';
import { TransportError } from '../upstream/errors.ts';
import { openApi, type ReadOnlyApi } from './api.ts';
import { isUsageProblem, UsageError } from './usage.ts';

const HELP = `Which fields do a project's records have besides the documented ones? Proposes their declaration, as YAML for the
file that GATEWAY_CONFIG names. Nothing is written, and no value is shown: only names, types and how often they occur.

Usage: npm run -s fields -- [options]

The project is that of the gateway's settings; without DATATRICS_URL it is the embedded sandbox.

Options:
  --project ID  another project of the settings
  --pages N     pages of 100 records to read of each list, spread over all of it: 1 to 50 (default: 5)
  --min PERCENT leave out fields that fewer of the records have (default: 1)
  --json        the same as one JSON object
  --help        this text

Exit code: 0, or 2 for wrong usage and an API that can't be reached.
`;

const PAGE_ROWS = 100;

/** Reads pages at equal distances: the first ones alone may all come from one source. */
async function observe(api: ReadOnlyApi, list: Listed, pages: number, observers: Observers): Promise<void> {
  const requested = list.type && { type: list.type };
  const endpoint = endpointFor(list.resource, 'list');
  const typeArgs = typeParameter(endpoint, list.type);
  const read = async (page: number): Promise<number> => {
    const response = await api.get(endpoint, { ...typeArgs, limit: PAGE_ROWS, page });
    const { rows, total } = readPage(response);
    for (const raw of rows) {
      let record: ReturnType<ReadOnlyApi['recordTypes'][Resource]['decode']>;
      try {
        record = api.recordTypes[list.resource].decode(raw, { source: '-', ...requested }, api);
      } catch {
        // Without a key it is no record.
        continue;
      }
      observers[typeNameOf(list.resource)].add(record.attributes);
      if (list.resource !== 'conversion') continue;
      for (const line of (record as Conversion).items) observers.ConversionItem.add(line.attributes);
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

interface Told {
  readonly type: MaskedType;
  readonly records: number;
  readonly proposals: readonly Proposal[];
}

function renderYaml(told: readonly Told[], declared: CustomFields, api: ReadOnlyApi): string {
  const lines = [
    `# Fields of project ${api.project} besides the documented ones, as found by ${api.calls()} calls. Keep what you want to have,`,
    '# and rename it as you like. “personal” is a guess: see who may read what is in a field.',
  ];
  const body = told.flatMap(({ type, records, proposals }) => {
    const old = Object.entries(declared[type] ?? {}).map(([name, field]) => `    ${name}: ${flow(field)} # declared`);
    const fresh = proposals.map((proposal) => renderProposal(proposal, records));
    if (old.length + fresh.length === 0) return [];
    const isEmpty = old.length === 0 && proposals.every(({ field }) => field === null);
    return [`  ${type}:${isEmpty ? ' {}' : ''} # ${records} looked at`, ...old, ...fresh];
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

/** JSON is YAML, whatever stands in a name. */
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
  if (!Number.isInteger(pages) || pages < 1 || pages > 50) throw new UsageError('--pages must be 1 to 50.');
  const min = Number(values.min);
  if (values.min.trim() === '' || !(min >= 0 && min <= 100)) throw new UsageError('--min must be 0 to 100.');
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
    const told = Object.values(observers).map((observer): Told => {
      const { type, records } = observer;
      const enough = ({ count }: Proposal): boolean => count * 100 >= records * options.min;
      return { type, records, proposals: observer.propose(api.customFields[type]).filter(enough) };
    });
    if (!options.json) process.stdout.write(renderYaml(told, api.customFields, api));
    else {
      const plain = told.map(({ type, records, proposals }) => ({
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
  process.stderr.write(`${error.message}\n\nnpm run fields -- --help tells more.\n`);
  process.exitCode = 2;
});
