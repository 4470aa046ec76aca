type ProgressBarProps = {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** In words, beside the bar. */
  readonly text?: string;
};

export function ProgressBar({ label, done, total, text }: ProgressBarProps) {
  return (
    <div className="progress">
      <progress aria-label={label} value={done} max={Math.max(1, total)} />
      {text && <span>{text}</span>}
    </div>
  );
}
