import { Table } from '../../components/Table';
import type { Region } from '../../core/document';
import {
  chosenResolution,
  FIXED,
  NETWORK_PX,
  type SizeAdvice,
  sizeAdvice,
} from '../../core/resolution';
import { t } from '../../texts';

type SizeAdviceProps = { readonly region: Region; readonly smallest: number };

/** Size of a region in pixels against what the network sees. */
export function SizeAdviceView({ region, smallest }: SizeAdviceProps) {
  const texts = t.template.advice;
  const chosen = chosenResolution(region, smallest);
  const rows = FIXED.map((resolution) => sizeAdvice(region, resolution, smallest));
  const used = rows.find((row) => row.resolution === chosen);
  if (!used) return null;
  const times = (side: number) => `${(Math.max(used.width, used.height) / side).toFixed(1)}×`;
  return (
    <div className="advice">
      <Table
        caption={texts.caption}
        columns={[
          {
            key: 'resolution',
            name: texts.resolution,
            cell: (row) => (
              <>
                {t.template.resolutions[row.resolution]}
                {row.resolution === chosen && <span className="used"> {texts.chosen}</span>}
              </>
            ),
          },
          {
            key: 'left',
            name: texts.left,
            isNumber: true,
            cell: (row) => texts.networkPx(row.defectPx.toFixed(1)),
          },
          {
            key: 'state',
            name: texts.isKept,
            cell: (row) => <span className={`badge badge-${row.state}`}>{texts[row.state]}</span>,
          },
        ]}
        rows={rows}
        rowKey={(row) => row.resolution}
        isMarked={(row) => row.resolution === chosen}
      />
      <p>
        {texts.size(used.width, used.height, times(NETWORK_PX.fast), times(NETWORK_PX.accurate))}
      </p>
      <p>{adviceText(used, region)}</p>
    </div>
  );
}

function adviceText(advice: SizeAdvice, region: Region): string {
  const texts = t.template.advice;
  const px = advice.defectPx.toFixed(1);
  if (advice.state === 'enough') return texts.isEnough;
  const what = advice.state === 'missed' ? texts.isMissed(px) : texts.isShort(px);
  if (advice.split.length === 0) return `${what} ${texts.camera}`;
  return `${what} ${region.shape === 'rectangle' ? texts.choose : texts.splitOther(advice.split.length)}`;
}
