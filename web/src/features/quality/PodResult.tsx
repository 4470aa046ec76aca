/** From which size on defects are found, region by region, with one curve to look at. */

import { useState } from 'react';
import { ChoiceField } from '../../components/Field';
import { Table } from '../../components/Table';
import { t } from '../../texts';
import { Sentences } from './MsaResult';
import { PodCurve } from './PodCurve';
import {
  keyCurve,
  type Light,
  lightOf,
  type PodCurveData,
  type PodPayload,
  type PodRegion,
} from './payloads';
import { Figure } from './RatesTab';

const texts = t.quality.pod;
const BADGES: Readonly<Record<Light, string>> = { good: 'enough', warn: 'short', bad: 'missed' };

const px = (value: number) => texts.px(String(Number(value.toPrecision(3))));

function sizeWords(value: number | null, { status }: PodCurveData): string {
  if (value !== null) return px(value);
  if (status === 'too_few') return texts.tooFew;
  return status === 'not_reached' ? texts.notReached : texts.notShown;
}

type Row = { readonly region: PodRegion; readonly curve: PodCurveData };

export function PodResult({ found }: { readonly found: PodPayload }) {
  const [regionId, setRegionId] = useState(found.regions[0]?.id ?? '');
  const region = found.regions.find((one) => one.id === regionId);
  return (
    <>
      <p>
        {texts.result(found.photographs.used, found.trials)} {texts.found(found.hit_means)}{' '}
        {texts.key}
      </p>
      <dl className="figures">
        {found.regions.map((one) => (
          <KeyFigure key={one.id} region={one} askedPx={found.smallest_defect_px} />
        ))}
      </dl>
      {region && (
        <RegionView
          key={region.id}
          region={region}
          regions={found.regions}
          askedPx={found.smallest_defect_px}
          onRegion={setRegionId}
        />
      )}
      <Sizes found={found} />
      <p className="warning">{found.caution}</p>
      {found.notes.length > 0 && (
        <>
          <h3>{texts.notes}</h3>
          <Sentences lines={found.notes} />
        </>
      )}
    </>
  );
}

type OfRegion = { readonly region: PodRegion; readonly askedPx: number };

function KeyFigure({ region, askedPx }: OfRegion) {
  const curve = keyCurve(region);
  if (!curve) return null;
  return (
    <Figure
      name={region.name}
      value={sizeWords(curve.a90_95, curve)}
      note={texts.card(String(curve.contrast ?? ''), texts.asked(px(askedPx)))}
    />
  );
}

type RegionViewProps = OfRegion & {
  readonly regions: readonly PodRegion[];
  readonly onRegion: (id: string) => void;
};

function RegionView({ region, regions, askedPx, onRegion }: RegionViewProps) {
  const [name, setName] = useState(keyCurve(region)?.name ?? '');
  const curve = region.curves.find((one) => one.name === name) ?? region.curves[0];
  if (!curve) return null;
  const { map } = region;
  return (
    <section className="study-result">
      <div className="study-fields">
        <ChoiceField
          label={texts.region}
          value={region.id}
          options={regions.map((one) => one.id)}
          names={Object.fromEntries(regions.map((one) => [one.id, one.name]))}
          onChange={onRegion}
        />
        <ChoiceField
          label={texts.curve}
          value={curve.name}
          options={region.curves.map((one) => one.name)}
          names={Object.fromEntries(region.curves.map((one) => [one.name, one.name]))}
          onChange={setName}
        />
      </div>
      <PodCurve title={texts.chart(region.name, curve.name)} found={curve} askedPx={askedPx} />
      <p>
        {curve.words}{' '}
        {map.found_share !== null &&
          texts.map(t.common.percent(map.found_share), px(map.size_px), map.tested_cells)}{' '}
        {map.found_share !== null && texts.blind(map.blind_cells)}{' '}
        {texts.falseCalls(region.false_calls, region.judged)}
      </p>
    </section>
  );
}

function Sizes({ found }: { readonly found: PodPayload }) {
  const rows: readonly Row[] = found.regions.flatMap((region) =>
    region.curves.map((curve) => ({ region, curve })),
  );
  const names = texts.columns;
  return (
    <div className="wide-table">
      <Table
        caption={texts.table}
        columns={[
          { key: 'region', name: names.region, cell: ({ region }) => region.name },
          { key: 'defects', name: names.defects, cell: ({ curve }) => curve.name },
          { key: 'trials', name: names.trials, isNumber: true, cell: ({ curve }) => curve.trials },
          {
            key: 'a50',
            name: names.a50,
            isNumber: true,
            cell: ({ curve }) => (curve.a50 === null ? '' : px(curve.a50)),
          },
          {
            key: 'a90',
            name: names.a90,
            isNumber: true,
            cell: ({ curve }) =>
              curve.status === 'below' ? texts.below : sizeWords(curve.a90, curve),
          },
          {
            key: 'a90_95',
            name: names.a90_95,
            isNumber: true,
            cell: ({ curve }) => (
              <span className={`badge badge-${BADGES[lightOf(curve, found.smallest_defect_px)]}`}>
                {sizeWords(curve.a90_95, curve)}
              </span>
            ),
          },
        ]}
        rows={rows}
        rowKey={({ region, curve }) => `${region.id} ${curve.name}`}
      />
    </div>
  );
}
