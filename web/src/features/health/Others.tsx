/** Looks that want models of their own, and circumstances by which good and bad differ. */

import { type Column, Table } from '../../components/Table';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import type { CheckReport, Confound, Variant } from './report';
import { TileRow } from './Tiles';

export function Variants({ groups }: { readonly groups: readonly Variant[] }) {
  const texts = t.health.variants;
  return (
    <ul className="twins">
      {groups.map((group, i) => (
        <li key={group.images[0]}>
          <p>
            <strong>{texts.look(i + 1, group.images.length, texts.by[group.by])}</strong>
          </p>
          <TileRow topic="variants" entries={group.images.slice(0, 6).map((key) => ({ key }))} />
        </li>
      ))}
    </ul>
  );
}

/** To all images of another size than the reference. */
export function OtherSizes({ found }: { readonly found: CheckReport['other_sizes'] }) {
  const { id } = useProject();
  if (!found || found.images.length === 0) return null;
  const rest = `other-size/${found.reference_wh.join('x')}`;
  return (
    <p>
      <a href={pageLink(id, 'annotate', rest)}>{t.health.otherSizes}</a>
    </p>
  );
}

type ConfoundsProps = {
  readonly rows: readonly Confound[];
  readonly circumstances: readonly string[];
};

export function Confounds({ rows, circumstances }: ConfoundsProps) {
  const texts = t.health.confounds;
  const names: Readonly<Record<string, string>> = texts.names;
  const nameOf = (what: string) => names[what] ?? what;
  const columns: Column<Confound>[] = [
    { key: 'what', name: texts.columns.what, cell: (row) => nameOf(row.what) },
    { key: 'good', name: texts.columns.good, cell: (row) => row.good },
    { key: 'bad', name: texts.columns.bad, cell: (row) => row.bad },
    {
      key: 'separation',
      name: texts.columns.separation,
      cell: (row) => row.separation.toFixed(2),
      isNumber: true,
    },
    {
      key: 'p',
      name: texts.columns.p,
      cell: (row) => row.p_value.toExponential(1),
      isNumber: true,
    },
  ];
  return (
    <>
      <p className="quiet">
        {texts.looked(circumstances.map((one) => nameOf(one).toLowerCase()).join(', '))}
      </p>
      {rows.length > 0 && (
        <Table caption={texts.caption} columns={columns} rows={rows} rowKey={(row) => row.what} />
      )}
    </>
  );
}
