# The verbs of this workstation. `make` lists them; scripts/launch.sh carries them out.
# A line `NAME := value  ## text` is a variable, `verb: ## text` a verb, `##@ text` a group.
# := and not ?=, so that a NAME or DEVICE that the environment happens to have is not taken. Only
# pip's own variable stays as it is: make passes on what it assigns to a name of the environment.

SIM            := auto          ## simulator: auto, isaac or mujoco
TASK           :=               ## task id; empty: the simulator's default
TASK_PACKAGE   :=               ## packages with further tasks, by name or folder, joined by commas
AGENT          :=               ## agent configuration: a YAML file, or the name of a task's entry point
NUM_ENVS       := auto          ## parallel environments: a number, or auto
ITERATIONS     :=               ## training iterations in total; empty: the task's own
SEED           :=               ## a number, or random; empty: the task's own
NAME           :=               ## a word for the name of the run directory
DEVICE         := auto          ## auto, cpu, cuda or cuda:N
GPUS           :=               ## several GPUs: how many (2), or which (0,2)
LOGGER         := tensorboard   ## tensorboard or wandb
VIDEO          := 0             ## 1: record video
VIDEO_LENGTH   := 200           ## steps in one video
VIDEO_INTERVAL := 2000          ## steps from one video to the next
RESUME         := 0             ## 1: go on with RUN
RUN            := latest        ## a run: latest, its name, the start of its name, or its path
MORE           :=               ## with RESUME=1: this many iterations more
POLICY         :=               ## a policy in place of RUN: bhl, bhl-biped, or an ONNX file
CONFIG         :=               ## its policy.yaml; empty: the one beside it
COMMAND        :=               ## vx,vy,yaw in m/s and rad/s; empty: 0.5,0,0
SECONDS        := 20            ## how long to run
CHECKPOINT     :=               ## iteration of a checkpoint; empty: the last valid one
EPISODES       := 8             ## episodes to play, or to run in each case of an evaluation
TERRAIN        := plane         ## ground to play on: plane, or the task's own (task)
VIEWER         := auto          ## auto, native, web or none
PORT           :=               ## port on localhost; empty: a usual one
KEYWORD        :=               ## show only the tasks whose id contains this
RSL_RL         :=               ## another rsl_rl: a number, a path or a git address; empty: as it is
FILE           :=               ## an agent configuration in YAML
TO             :=               ## the rsl_rl release to convert to
LOG_ROOT       := logs/rsl_rl   ## folder of the runs
ARGS           :=               ## config fields and launcher flags: "env.decimation=2 --enable_cameras"
VERBOSE        := 0             ## 1: say more
PYTHON         :=               ## Python 3.10 to 3.13 for .venv; empty: found
INSTALL        :=               ## folder for Isaac Sim and Isaac Lab; empty: as before, or .isaac
ROBOT          :=               ## berkeley-humanoid-lite, none, or a checkout of it; empty: as before
ISAAC_SIM_ZIP  :=               ## the archive of Isaac Sim, where it is already there
ISAAC_SIM_URL  :=               ## a mirror of the archive
ISAACSIM_PATH  :=               ## an Isaac Sim that is already installed; none: its own again
ISAACLAB_PATH  :=               ## a checkout of Isaac Lab that is there; none: its own again
PIP_INDEX_URL  ?=               ## a mirror of the package index
GIT_HOST       :=               ## a mirror of https://github.com, for instance git://host:9418
ASSETS         :=               ## folder with NVIDIA's assets; empty: as before, or its server
OFFLINE        :=               ## install from the folder that make bundle made
OUT            :=               ## the folder that make bundle fills
ACCEPT_EULA    :=               ## Y: NVIDIA's licence of Isaac Sim is read and accepted
KEEP_ZIP       := 1             ## 0: remove the downloaded archive when it is unpacked
FORCE          := 0             ## go on past what is said to stand against it: its names, or 1
YES            := 0             ## 1: delete or repair without asking
LOG            :=               ## a log, a run, or - for stdin; empty: the last failure
JSON           := 0             ## 1: findings for programs
REPORT         := 0             ## 1: findings in Markdown, to be pasted, without names and secrets

##@ Start
setup: ## install Isaac Sim and Isaac Lab; SIM=mujoco: the embedded simulator
train: ## train a policy with PPO
play: ## show or film a trained policy

##@ Deploy
export: ## write policy.pt, policy.onnx and policy.yaml of a run
sim2sim: ## run an exported policy in plain MuJoCo, as the robot's computer would
evaluate: ## how robust an exported policy is: commands, friction, pushes, mass, delay

##@ Look
runs: ## list the runs
tasks: ## list the tasks
tensorboard: ## show the curves of the runs in a browser

##@ Trouble
doctor: ## say what is wrong before a run
fix: ## repair what is safe to repair, one by one
explain: ## say why a run failed, from its log

##@ rsl_rl
check-config: ## show what an agent configuration becomes for a release of rsl_rl
convert: ## write a checkpoint that another release of rsl_rl loads

##@ Workstation
bundle: ## download into OUT what make setup OFFLINE= needs
clean-caches: ## delete caches of the simulators, after showing them
uninstall: ## remove what set-up installed, after showing it; runs stay

##@ Project
test: ## run this project's tests
lint: ## check this project's style and types

VERBS := setup train play export sim2sim evaluate runs tasks tensorboard doctor fix explain check-config convert bundle clean-caches uninstall test lint
.DEFAULT_GOAL := help
.PHONY: help $(VERBS)

# The variables of the command line. Taking each value unexpanded keeps a `$` in it; values
# travel through the environment only, never through the text of a recipe.
override GIVEN := $(foreach v,$(.VARIABLES),$(if $(findstring command line,$(origin $(v))),$(v)))
$(foreach v,$(GIVEN),$(eval override $(v) := $$(value $(v))))
export GIVEN $(GIVEN)

$(VERBS):
	@scripts/launch.sh $@

help:
	@awk '\
	  /^##@ / { print "\n" substr($$0, 5) } \
	  /^[a-z0-9-]+: ## / { verb = $$1; sub(/:$$/, "", verb); sub(/^[^#]*## /, ""); \
	    printf "  %-13s %s\n", verb, $$0 } \
	  /^[A-Z_]+ +[:?]= .*## / { name = $$1; value = $$0; sub(/^[^=]*= */, "", value); \
	    sub(/ *## .*$$/, "", value); sub(/^[^#]*## /, ""); \
	    rows = rows sprintf("  %-15s %-12s %s\n", name, value, $$0) } \
	  BEGIN { print "usage: make VERB [VARIABLE=value ...]" } \
	  END { printf "\nVariables         default\n%s", rows }' Makefile
