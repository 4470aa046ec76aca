import { Table } from '../../components/Table';
import { VerdictBadge } from '../../components/VerdictBadge';
import { byUrgency, type RegionContent } from '../../data/inspectionContent';
import { t } from '../../texts';

/** Regions with verdict, score and why one could not be judged; the worst first. */
export function RegionTable({ regions }: { readonly regions: readonly RegionContent[] }) {
  const texts = t.inspect.result;
  return (
    <Table
      caption={`${texts.regions}. ${texts.scoreHint}.`}
      columns={[
        { key: 'region', name: texts.region, cell: (region) => region.name },
        {
          key: 'verdict',
          name: texts.verdict,
          cell: (region) => <VerdictBadge verdict={region.verdict} />,
        },
        {
          key: 'score',
          name: texts.score,
          isNumber: true,
          cell: (region) => texts.scoreOf(region.deviation_score),
        },
        {
          key: 'found',
          name: texts.found,
          cell: (region) => region.reason?.message ?? texts.outlined(region.defects.length),
        },
      ]}
      rows={byUrgency(regions)}
      rowKey={(region) => region.id}
      isMarked={(region) => region.verdict !== 'ok'}
    />
  );
}
