import type { InspectionBrief } from '../../api/schema';
import { VerdictBadge } from '../../components/VerdictBadge';
import { t } from '../../texts';

type ListRowProps = {
  readonly item: InspectionBrief;
  readonly isOpen: boolean;
  readonly isMarked: boolean;
  readonly onOpen: () => void;
  /** null = cannot be added to the normals. */
  readonly onMark: ((isMarked: boolean) => void) | null;
};

export function ListRow({ item, isOpen, isMarked, onOpen, onMark }: ListRowProps) {
  const texts = t.inspect.list;
  const what = item.part_id ?? t.common.verdicts[item.verdict];
  const time = t.common.date(item.created_s);
  return (
    <div className="inspection-row">
      {onMark ? (
        <input
          type="checkbox"
          aria-label={texts.mark(what, time)}
          checked={isMarked}
          onChange={(event) => onMark(event.target.checked)}
        />
      ) : (
        <span />
      )}
      <button type="button" className="inspection-cells" aria-pressed={isOpen} onClick={onOpen}>
        <span>{time}</span>
        <span>
          <VerdictBadge verdict={item.verdict} />
        </span>
        <span>{t.inspect.result.scoreOf(item.deviation_score)}</span>
        <span>{item.part_id}</span>
        <span>{item.line}</span>
        <span>{item.model_number}</span>
        <span>{reviewOf(item)}</span>
      </button>
    </div>
  );
}

function reviewOf(item: InspectionBrief): string {
  if (item.review === null) return '';
  const said = t.inspect.result.reviewed(item.review, item.reviewed_by ?? '');
  const notes = [item.reason, item.learned_image_id && t.inspect.list.isLearnt].filter(Boolean);
  return notes.length === 0 ? said : `${said} (${notes.join(', ')})`;
}
