#!/bin/bash
# A job in four parts, each on one GPU of a Slurm cluster:
#   sbatch slurm.sh job.yaml /shared/results
# Slurm shows each part its GPU. A part that was ended (time, preemption) goes on
# where it stopped when the script is submitted again.
#SBATCH --job-name=ritz
#SBATCH --array=0-3
#SBATCH --ntasks=1
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=64G
#SBATCH --time=02:00:00
#SBATCH --output=ritz-%A-%a.log
set -euo pipefail
job=${1:?usage: sbatch slurm.sh JOB.yaml OUT}
out=${2:?usage: sbatch slurm.sh JOB.yaml OUT}

# Kernels are compiled once for each kind of GPU and kept here.
export RITZ_CACHE_DIR=${RITZ_CACHE_DIR:-$HOME/.cache/ritz/cubin}

srun ritz devices
srun ritz run "$job" --shard auto --resume --output "$out"
