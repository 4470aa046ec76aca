import type { Uploaded } from '../../api/schema';
import { Button, IconButton } from '../../components/Button';
import { t } from '../../texts';
import { sumOf } from './uploaded';

type UploadReportProps = {
  readonly results: readonly Uploaded[];
  readonly isBusy: boolean;
  readonly onAllGood: (ids: readonly string[]) => void;
  readonly onOneByOne: (firstId: string) => void;
  readonly onClose: () => void;
};

/** What came of an upload, and the one thing that is mostly done next. */
export function UploadReport({ results, isBusy, ...on }: UploadReportProps) {
  const texts = t.annotate.report;
  const sum = sumOf(results);
  const [first] = sum.open;
  const counts = [
    sum.fresh.length > 0 && texts.fresh(sum.fresh.length),
    sum.annotations > 0 && texts.annotations(sum.annotations),
    sum.templates > 0 && texts.templates(sum.templates),
    sum.known > 0 && texts.known(sum.known),
    sum.refused.length > 0 && texts.refused(sum.refused.length),
  ].filter((text) => text !== false);
  return (
    <section className="upload-report" aria-label={texts.title}>
      <p role="status">
        <strong>{texts.title}</strong> {counts.join(', ')}
      </p>
      {first !== undefined && (
        <>
          <Button look="primary" disabled={isBusy} onClick={() => on.onAllGood(sum.open)}>
            {texts.allGood(sum.open.length)}
          </Button>
          <Button onClick={() => on.onOneByOne(first)}>{texts.oneByOne}</Button>
        </>
      )}
      <IconButton icon="close" label={t.common.close} onClick={on.onClose} />
      {sum.refused.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls is scrolled by keys
        <ul className="refused" aria-label={texts.refusedList} tabIndex={0}>
          {sum.refused.map((one, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two files may have one name
            <li key={at}>
              <strong>{one.name}</strong> {one.error}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
