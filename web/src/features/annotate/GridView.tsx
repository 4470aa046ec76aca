import { useState } from 'react';
import type { Uploaded } from '../../api/schema';
import { Button } from '../../components/Button';
import { EmptyState } from '../../components/EmptyState';
import { PageHeader } from '../../components/PageHeader';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import type { Label } from '../../core/sidecar';
import { useCounts, useSetLabels } from '../../data/annotations';
import type { ImageFilter, useUpload } from '../../data/images';
import { useMay } from '../../data/session';
import { errorText, t } from '../../texts';
import { FileButton } from '../images/FileButton';
import { UploadProgressBar } from '../images/UploadProgressBar';
import { ExportDialog } from './ExportDialog';
import { GridBar } from './GridBar';
import { ImageGrid } from './ImageGrid';
import { RemovalDialog } from './RemovalDialog';
import { type Selection, within } from './selection';
import { UploadReport } from './UploadReport';
import type { ImageRow } from './useImageRow';

type GridViewProps = {
  readonly row: ImageRow;
  readonly filter: ImageFilter;
  readonly onFilter: (filter: ImageFilter) => void;
  readonly selection: Selection;
  readonly onSelection: (selection: Selection) => void;
  readonly upload: ReturnType<typeof useUpload>;
  readonly onFiles: (files: File[]) => void;
  readonly report: readonly Uploaded[] | null;
  readonly onJudged: (ids: readonly string[], label: Label | null) => void;
  readonly onReportEnd: () => void;
  readonly onOpen: (imageId: string) => void;
};

export function GridView(props: GridViewProps) {
  const { row, filter, upload, onSelection } = props;
  const notify = useNotify();
  const counts = useCounts();
  const labels = useSetLabels();
  const [isOpen, setIsOpen] = useState<'export' | 'removal' | null>(null);
  const mayUpload = useMay('upload');
  const mayExport = useMay('engineer');
  const ids = row.items.map((image) => image.id);
  const selection = within(props.selection, ids);
  const { ok = 0, ng = 0, none = 0 } = counts.data ?? {};
  const all = ok + ng + none;
  const isEmpty = counts.data !== undefined && all === 0;

  async function judge(wanted: readonly string[], verdict: Label | null) {
    if (wanted.length === 0) {
      notify(t.annotate.chooseFirst);
      return;
    }
    try {
      await labels.mutateAsync({ ids: wanted, verdict });
      props.onJudged(wanted, verdict);
      notify(t.annotate.judged(wanted.length, verdict), 'good');
    } catch (error) {
      notify(errorText(error), 'bad');
    }
  }

  async function chooseAll() {
    const found = await row.loadAll();
    onSelection({ ...selection, ids: new Set(found.map((image) => image.id)) });
  }

  const uploadButton = (look: 'primary' | 'plain') => (
    <FileButton
      label={t.images.upload}
      look={look}
      disabled={!mayUpload}
      title={mayUpload ? undefined : t.images.mayNotUpload}
      onFiles={props.onFiles}
    />
  );
  const open = (index: number) => {
    const id = ids[index];
    if (id) props.onOpen(id);
  };
  return (
    <>
      <PageHeader title={t.nav.annotate} about={all > 0 && t.annotate.about(all, none)}>
        {!isEmpty && (
          <>
            <Button
              icon="save"
              disabled={!mayExport}
              title={mayExport ? undefined : t.annotate.exports.mayNot}
              onClick={() => setIsOpen('export')}
            >
              {t.annotate.exports.open}
            </Button>
            {uploadButton(all === 0 || props.report ? 'plain' : 'primary')}
          </>
        )}
      </PageHeader>
      {upload.progress && <UploadProgressBar progress={upload.progress} onStop={upload.stop} />}
      {props.report && (
        <UploadReport
          results={props.report}
          isBusy={labels.isPending}
          onAllGood={(fresh) => void judge(fresh, 'ok').then(props.onReportEnd)}
          onOneByOne={(first) => {
            props.onReportEnd();
            props.onOpen(first);
          }}
          onClose={props.onReportEnd}
        />
      )}
      {(counts.error || row.error) && (
        <Problem error={counts.error ?? row.error} onRetry={row.retry} />
      )}
      {isEmpty && !upload.progress && (
        <EmptyState
          icon="annotate"
          title={t.annotate.empty.title}
          text={mayUpload ? t.annotate.empty.text : t.images.mayNotUpload}
        >
          {mayUpload && uploadButton('primary')}
        </EmptyState>
      )}
      {all > 0 && (
        <>
          <GridBar
            filter={filter}
            onFilter={props.onFilter}
            counts={{ all, ok, ng, none }}
            chosen={selection.ids.size}
            isBusy={labels.isPending}
            onJudge={(verdict) => void judge([...selection.ids], verdict)}
            onChooseAll={() => void chooseAll()}
            onOpen={() => open(selection.active)}
            onRemove={() => setIsOpen('removal')}
          />
          <ImageGrid
            row={row}
            selection={selection}
            onSelection={onSelection}
            onChooseAll={() => void chooseAll()}
            onJudge={(verdict) => void judge([...selection.ids], verdict)}
            onOpen={open}
            onRemove={() => mayUpload && selection.ids.size > 0 && setIsOpen('removal')}
          />
        </>
      )}
      {isOpen === 'export' && <ExportDialog onClose={() => setIsOpen(null)} />}
      {isOpen === 'removal' && (
        <RemovalDialog ids={[...selection.ids]} onClose={() => setIsOpen(null)} />
      )}
    </>
  );
}
